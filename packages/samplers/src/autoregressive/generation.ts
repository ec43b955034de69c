import { GrammarError, type TokenBatch } from "@mmgen/core";
import type { GrammarTable } from "./grammar-table.js";

/** The rows being generated: their ids so far, and where each stands in the grammar. */
export class Generation {
  /** `[rows, total]`; written up to {@link Generation.position}. */
  readonly ids: Int32Array;
  readonly rows: number;
  /** Ids in each row when all are there. */
  readonly total: number;
  readonly #grammar: GrammarTable;
  readonly #states: Int32Array;
  #position: number;

  /**
   * Walks the prompt through the grammar.
   *
   * @param steps - Ids to add to each row.
   * @throws a {@link GrammarError} when the prompt leaves the grammar, naming row and position.
   */
  constructor(prompt: TokenBatch, steps: number, grammar: GrammarTable) {
    const { count, data, length } = prompt;
    this.rows = count;
    this.total = length + steps;
    this.ids = new Int32Array(count * this.total);
    this.#grammar = grammar;
    this.#states = walkRows(prompt, grammar, "prompt");
    this.#position = length;
    for (let row = 0; row < count; row++) {
      this.ids.set(data.subarray(row * length, (row + 1) * length), row * this.total);
    }
  }

  /** Ids there are in each row. */
  get position(): number {
    return this.#position;
  }

  get isDone(): boolean {
    return this.#position === this.total;
  }

  /** The ids that may follow in this row; {@link GrammarError} where none may. */
  legal(row: number): Int32Array {
    const legal = this.#grammar.legal(this.#states[row]!);
    if (legal.length === 0) {
      throw new GrammarError(
        `Row ${row}, position ${this.#position}: the grammar allows no id; the sequence ended before its ${this.total} ids were there. Ask for fewer steps.`,
      );
    }
    return legal;
  }

  /** Whether the grammar leaves no row a choice. */
  get isForced(): boolean {
    for (let row = 0; row < this.rows; row++) {
      if (this.legal(row).length > 1) {
        return false;
      }
    }
    return true;
  }

  /** Adds one id to each row, `[rows]`. */
  append(ids: Int32Array): void {
    for (let row = 0; row < this.rows; row++) {
      const id = ids[row]!;
      this.ids[row * this.total + this.#position] = id;
      this.#states[row] = this.#grammar.next(this.#states[row]!, id);
    }
    this.#position++;
  }

  /** The ids at one position, `[rows]`. */
  column(position: number): Int32Array {
    return Int32Array.from({ length: this.rows }, (_, row) => this.ids[row * this.total + position]!);
  }

  /** The first ids of each row, `[rows, length]`. */
  leading(length: number): TokenBatch {
    const data = new Int32Array(this.rows * length);
    for (let row = 0; row < this.rows; row++) {
      data.set(this.ids.subarray(row * this.total, row * this.total + length), row * length);
    }
    return { data, count: this.rows, length };
  }
}

/** The state of each row after its ids; {@link GrammarError} where one is illegal. */
export function walkRows(tokens: TokenBatch, grammar: GrammarTable, name: string): Int32Array {
  const { count, data, length } = tokens;
  return Int32Array.from({ length: count }, (_, row) => {
    let state = grammar.start;
    for (let position = 0; position < length; position++) {
      const id = data[row * length + position]!;
      if (!grammar.isLegal(state, id)) {
        const legal = grammar.legal(state);
        const some = legal.subarray(0, 8).join(", ");
        throw new GrammarError(
          `${name}: row ${row}, position ${position}: id ${id} leaves the grammar, which allows ${
            legal.length === 0 ? "nothing more" : `${some}${legal.length > 8 ? ` and ${legal.length - 8} more` : ""}`
          } there.`,
        );
      }
      state = grammar.next(state, id);
    }
    return state;
  });
}
