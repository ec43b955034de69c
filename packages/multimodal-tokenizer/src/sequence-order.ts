import { allOrders, type Order } from "./orders.js";
import type { Slot } from "./sequence-template.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { endToken, nullToken, padToken, type Vocabulary } from "./vocabulary.js";

/**
 * The order of the sequence that `ids` are, or begin; null tokens may stand in its first half.
 *
 * @returns undefined where the ids begin sequences of both orders, such as `<bos>`, or of neither.
 */
export function sequenceOrder(
  { firstHalves, templates, vocabulary }: TokenizerParts,
  ids: ArrayLike<number>,
): Order | undefined {
  for (let at = 0; at < ids.length; at++) {
    const possible = allOrders.filter((order) =>
      mayStand(ids[at]!, templates[order][at], firstHalves[order][at], vocabulary),
    );
    // Both orders allow every id before this one.
    if (possible.length < 2) {
      return possible[0];
    }
  }
  return undefined;
}

/** For each position of a template: whether it is a place of the modality that comes first. */
export function firstHalf(template: readonly Slot[]): boolean[] {
  const first = template.find((slot) => slot.kind !== "literal")!.kind;
  return template.map((slot) => slot.kind === first);
}

function mayStand(id: number, slot: Slot | undefined, inFirstHalf: boolean | undefined, vocabulary: Vocabulary) {
  if (slot === undefined || slot.kind === "literal") {
    return slot?.id === id;
  }
  const modality = vocabulary.modality(id);
  if (modality !== "special") {
    return modality === slot.kind;
  }
  const name = vocabulary.name(id);
  return name === nullToken ? inFirstHalf : slot.kind === "text" && (name === endToken || name === padToken);
}
