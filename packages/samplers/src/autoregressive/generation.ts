import { GrammarError, type TokenBatch } from "@mmgen/core";
import type { GrammarTable } from "./grammar-table.js";

/** State of a generation: the ids of each row so far, and each row's grammar state. */
export class Generation {
  /** `[rows, total]`; filled up to {@link Generation.position}. */
  readonly ids: Int32Array;
  readonly rows: number;
  /** Final length of each row. */
  readonly total: number;
  readonly #grammar: GrammarTable;
  readonly #states: Int32Array;
  #position: number;

  /**
   * Starts from a prompt, which is checked against the grammar.
   *
   * @param steps - Ids to add to each row.
   * @throws a {@link GrammarError} when the prompt violates the grammar, naming row and position.
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

  /** Current length of each row. */
  get position(): number {
    return this.#position;
  }

  get isDone(): boolean {
    return this.#position === this.total;
  }

  /** Grammar state of a row. */
  state(row: number): number {
    return this.#states[row]!;
  }

  /** Legal next ids of a row; throws {@link GrammarError} when there are none. */
  legal(row: number): Int32Array {
    const legal = this.#grammar.legal(this.#states[row]!);
    if (legal.length === 0) {
      throw new GrammarError(
        `Row ${row}, position ${this.#position}: the grammar allows no id; the sequence ended before its length of ${this.total}. Ask for fewer steps.`,
      );
    }
    return legal;
  }

  /** Whether every row has exactly one legal next id. */
  get isForced(): boolean {
    for (let row = 0; row < this.rows; row++) {
      if (this.legal(row).length > 1) {
        return false;
      }
    }
    return true;
  }

  /** Appends one id to each row, `[rows]`. */
  append(ids: Int32Array): void {
    for (let row = 0; row < this.rows; row++) {
      const id = ids[row]!;
      this.ids[row * this.total + this.#position] = id;
      this.#states[row] = this.#grammar.next(this.#states[row]!, id);
    }
    this.#position++;
  }

  /** Ids of all rows at one position, `[rows]`. */
  column(position: number): Int32Array {
    return Int32Array.from({ length: this.rows }, (_, row) => this.ids[row * this.total + position]!);
  }

  /** Another prompt's rows, followed by the ids from position `first` on. */
  continued({ count, data, length }: TokenBatch, first: number): TokenBatch {
    const added = this.#position - first;
    const joined = new Int32Array(count * (length + added));
    for (let row = 0; row < count; row++) {
      const from = row * this.total + first;
      joined.set(data.subarray(row * length, (row + 1) * length), row * (length + added));
      joined.set(this.ids.subarray(from, from + added), row * (length + added) + length);
    }
    return { data: joined, count, length: length + added };
  }

  /** First ids of each row, `[rows, length]`. */
  leading(length: number): TokenBatch {
    const data = new Int32Array(this.rows * length);
    for (let row = 0; row < this.rows; row++) {
      data.set(this.ids.subarray(row * this.total, row * this.total + length), row * length);
    }
    return { data, count: this.rows, length };
  }
}

/** Grammar state of each row after its ids; throws {@link GrammarError} for an illegal id. */
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
          `${name}: row ${row}, position ${position}: id ${id} is not legal; the grammar allows ${
            legal.length === 0 ? "nothing more" : `${some}${legal.length > 8 ? ` and ${legal.length - 8} more` : ""}`
          } there.`,
        );
      }
      state = grammar.next(state, id);
    }
    return state;
  });
}
