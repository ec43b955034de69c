import { ConfigError, type Grammar } from "@mmgen/core";
import type { Vocabulary } from "../vocabulary/vocabulary.js";
import type { SequenceTemplate, TextSection } from "./sequence-layout.js";

/**
 * Position in one template, as the number of its next slot and whether its caption has ended:
 * `2 · (template · (length + 1) + slot) + ended`.
 */
type Place = number;

/** Transition: ids `start … start + count − 1` lead to `target`, a place or a state. */
interface Edge {
  readonly start: number;
  readonly count: number;
  readonly target: number;
}

/** Maximum number of table entries (states × vocabulary), of 5 bytes each. */
const maxTableEntries = 2 ** 27;

/**
 * Builds the deterministic automaton that accepts exactly the sequences of the templates.
 *
 * States are sets of places (subset construction), because templates may share their first ids: the order of a sequence
 * is then known only from a later id.
 *
 * @throws a {@link ConfigError} when states × vocabulary is more than 2^27.
 */
export function templateGrammar(
  templates: readonly SequenceTemplate[],
  vocabulary: Vocabulary,
  section: TextSection,
): Grammar {
  const length = Math.max(...templates.map((template) => template.length));
  const size = vocabulary.size;
  const edgesOf = (place: Place): Edge[] => {
    const ended = place % 2 === 1;
    const at = Math.floor(place / 2);
    const slot = templates[Math.floor(at / (length + 1))]![at % (length + 1)];
    const target = place + 2;
    switch (slot?.kind) {
      case "literal":
        return [{ start: slot.id, count: 1, target }];
      case "image":
        return [{ ...vocabulary.image, target }];
      case "text":
        return section
          .choices(slot.index, ended)
          .map(({ start, count, ends }) => ({ start, count, target: ends ? target + 1 : target }));
      default:
        return [];
    }
  };

  const states: Place[][] = [templates.map((_, t) => 2 * t * (length + 1))];
  const numbers = new Map([[states[0]!.join(), 0]]);
  const rows: Edge[][] = [];
  for (let state = 0; state < states.length; state++) {
    if (states.length * size > maxTableEntries) {
      throw new ConfigError(
        `grammar: ${states.length} or more states × ${size} ids are too many for a table; use a smaller code grid.`,
      );
    }
    rows.push(successors(states[state]!.flatMap(edgesOf)));
  }
  return tabulate(rows, size);

  /** Transitions of one state, as ranges of ids that lead to the same state; new states are numbered as they appear. */
  function successors(edges: readonly Edge[]): Edge[] {
    // All ids between two neighboring bounds have the same edges, hence the same successor.
    const bounds = [...new Set(edges.flatMap(({ start, count }) => [start, start + count]))].sort((a, b) => a - b);
    return bounds.slice(0, -1).flatMap((start, i) => {
      const targets = edges.filter((edge) => edge.start <= start && start < edge.start + edge.count);
      const places = [...new Set(targets.map(({ target }) => target))].sort((a, b) => a - b);
      return places.length === 0 ? [] : [{ start, count: bounds[i + 1]! - start, target: numberOf(places) }];
    });
  }

  function numberOf(places: Place[]): number {
    const key = places.join();
    let state = numbers.get(key);
    if (state === undefined) {
      state = states.push(places) - 1;
      numbers.set(key, state);
    }
    return state;
  }
}

function tabulate(rows: readonly (readonly Edge[])[], size: number): Grammar {
  const allowed = new Uint8Array(rows.length * size);
  const next = new Int32Array(rows.length * size);
  rows.forEach((edges, state) => {
    for (const { start, count, target } of edges) {
      const from = state * size + start;
      allowed.fill(1, from, from + count);
      next.fill(target, from, from + count);
    }
  });
  return { vocabularySize: size, stateCount: rows.length, start: 0, allowed, next };
}
