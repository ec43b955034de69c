import { type Grammar, GrammarError, ShapeError } from "@mmgen/core";

/** Grammar with the legal ids of each state as a list, built when a state is first used. */
export class GrammarTable {
  readonly #grammar: Grammar;
  readonly #legal = new Map<number, Int32Array>();
  readonly #followersOf = new Map<number, readonly number[]>();

  /** Throws {@link ShapeError} unless the grammar is for this vocabulary and its tables have the right lengths. */
  constructor(grammar: Grammar, vocabularySize: number) {
    const { allowed, next, stateCount, start } = grammar;
    if (grammar.vocabularySize !== vocabularySize) {
      throw new ShapeError(
        `grammar: expected a vocabulary of ${vocabularySize} ids as in the model, got a vocabulary of ${grammar.vocabularySize}; use the tokenizer that the model was trained with.`,
      );
    }
    const entries = stateCount * vocabularySize;
    if (allowed.length !== entries || next.length !== entries) {
      throw new ShapeError(
        `grammar: expected tables of ${entries} entries (${stateCount} states × ${vocabularySize} ids), got ${allowed.length} and ${next.length}.`,
      );
    }
    this.#grammar = grammar;
    this.#checkState(start);
  }

  /** Grammar in which every id is always legal. */
  static unconstrained(vocabularySize: number): GrammarTable {
    const allowed = new Uint8Array(vocabularySize).fill(1);
    const next = new Int32Array(vocabularySize);
    return new GrammarTable({ vocabularySize, stateCount: 1, start: 0, allowed, next }, vocabularySize);
  }

  get start(): number {
    return this.#grammar.start;
  }

  /** Legal next ids, ascending; empty at the end of a sequence. Shared: do not write to it. */
  legal(state: number): Int32Array {
    let legal = this.#legal.get(state);
    if (legal === undefined) {
      const { allowed, vocabularySize } = this.#grammar;
      const ids: number[] = [];
      for (let id = 0; id < vocabularySize; id++) {
        if (allowed[state * vocabularySize + id] === 1) {
          ids.push(id);
        }
      }
      legal = Int32Array.from(ids);
      this.#legal.set(state, legal);
    }
    return legal;
  }

  isLegal(state: number, id: number): boolean {
    return this.#grammar.allowed[state * this.#grammar.vocabularySize + id] === 1;
  }

  /** State after a legal id. */
  next(state: number, id: number): number {
    return this.#checkState(this.#grammar.next[state * this.#grammar.vocabularySize + id]!);
  }

  /** Minimum and maximum number of ids until a sequence ends; `max` is Infinity where it need not end. */
  remaining(state: number): { readonly min: number; readonly max: number } {
    // Depth-first search with an explicit stack: grammars may be thousands of states deep.
    const known = new Map<number, { min: number; max: number }>();
    const open = new Set<number>();
    const stack = [state];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const followers = known.has(top) ? [] : this.followers(top);
      const unknown = followers.filter((each) => !known.has(each) && !open.has(each));
      if (!known.has(top) && !open.has(top) && unknown.length > 0) {
        open.add(top);
        // One by one: a state may have more followers than a call takes arguments.
        for (const follower of unknown) {
          stack.push(follower);
        }
        continue;
      }
      stack.pop();
      if (!known.has(top)) {
        open.delete(top);
        let [min, max] = followers.length === 0 ? [0, 0] : [Number.POSITIVE_INFINITY, 0];
        for (const follower of followers) {
          // A follower that is still open leads back to this state: a cycle.
          const after = known.get(follower) ?? { min: Number.POSITIVE_INFINITY, max: Number.POSITIVE_INFINITY };
          min = Math.min(min, after.min + 1);
          max = Math.max(max, after.max + 1);
        }
        known.set(top, { min, max });
      }
    }
    return known.get(state)!;
  }

  /** States after the legal ids of a state, each once. */
  followers(state: number): readonly number[] {
    let followers = this.#followersOf.get(state);
    if (followers === undefined) {
      const found = new Set<number>();
      let last = -1;
      for (const id of this.legal(state)) {
        const next = this.next(state, id);
        if (next !== last) {
          found.add(next);
          last = next;
        }
      }
      followers = [...found];
      this.#followersOf.set(state, followers);
    }
    return followers;
  }

  #checkState(state: number): number {
    if (!(Number.isInteger(state) && state >= 0 && state < this.#grammar.stateCount)) {
      throw new GrammarError(
        `grammar: expected states within 0 to ${this.#grammar.stateCount - 1}, got state ${state}.`,
      );
    }
    return state;
  }
}
