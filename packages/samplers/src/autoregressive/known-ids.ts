import { GrammarError, type TokenBatch } from "@mmgen/core";
import type { GrammarTable } from "./grammar-table.js";

/** Ids that are given at some positions of each row, and what they leave of a grammar to the positions before them. */
export class KnownIds {
  readonly #ids: TokenBatch;
  readonly #known: Uint8Array;
  readonly #grammar: GrammarTable;
  /** For each row, the states before each position from which all later known ids can come. */
  readonly #states: readonly (readonly ReadonlySet<number>[])[];

  /**
   * @param known - `[rows, length]`, 1 where the id is given; the other ids are not read.
   * @throws a {@link GrammarError}, with row and position, when no sequence of the grammar has a row's known ids.
   */
  constructor(ids: TokenBatch, known: Uint8Array, grammar: GrammarTable) {
    this.#ids = ids;
    this.#known = known;
    this.#grammar = grammar;
    this.#states = Array.from({ length: ids.count }, (_, row) => this.#viableStates(row));
  }

  isKnown(row: number, position: number): boolean {
    return this.#known[row * this.#ids.length + position] === 1;
  }

  id(row: number, position: number): number {
    return this.#ids.data[row * this.#ids.length + position]!;
  }

  /** First unknown position of a row; its length when all are known. */
  firstUnknown(row: number): number {
    let position = 0;
    while (position < this.#ids.length && this.isKnown(row, position)) {
      position++;
    }
    return position;
  }

  /** Ids that may stand at an unknown position: legal ones after which the known ids can still come. At least one. */
  legal(row: number, position: number, state: number): Int32Array {
    const grammar = this.#grammar;
    const viable = this.#states[row]![position + 1]!;
    const legal = grammar.legal(state);
    return grammar.followers(state).every((next) => viable.has(next))
      ? legal
      : legal.filter((id) => viable.has(grammar.next(state, id)));
  }

  #viableStates(row: number): Set<number>[] {
    const { length } = this.#ids;
    const grammar = this.#grammar;
    const after = (state: number, position: number): readonly number[] => {
      if (!this.isKnown(row, position)) {
        return grammar.followers(state);
      }
      const id = this.id(row, position);
      return grammar.isLegal(state, id) ? [grammar.next(state, id)] : [];
    };
    // Forwards, the states that some ids lead to; then backwards, those of them that lead to the end.
    const states = [new Set([grammar.start])];
    for (let position = 0; position < length; position++) {
      const next = new Set([...states[position]!].flatMap((state) => after(state, position)));
      if (next.size === 0) {
        throw new GrammarError(
          `ids: row ${row}, position ${position}: ${
            this.isKnown(row, position) ? `the known id ${this.id(row, position)} is not legal there` : "no id is legal"
          }, whatever stands at the unknown positions before it.`,
        );
      }
      states.push(next);
    }
    for (let position = length - 1; position >= 0; position--) {
      const viable = states[position + 1]!;
      states[position] = new Set(
        [...states[position]!].filter((state) => after(state, position).some((next) => viable.has(next))),
      );
    }
    return states;
  }
}
