import { type Grammar, GrammarError, ShapeError } from "@mmgen/core";

/** A grammar as the sampler reads it: the legal ids of a state as a list, made when a state is first met. */
export class GrammarTable {
  readonly #grammar: Grammar;
  readonly #legal = new Map<number, Int32Array>();
  readonly #followersOf = new Map<number, readonly number[]>();

  /** Throws {@link ShapeError} unless the grammar is for this vocabulary and its tables have their lengths. */
  constructor(grammar: Grammar, vocabularySize: number) {
    const { allowed, next, stateCount, start } = grammar;
    if (grammar.vocabularySize !== vocabularySize) {
      throw new ShapeError(
        `grammar: made for a vocabulary of ${grammar.vocabularySize}, the model's has ${vocabularySize} ids; use the tokenizer that the model was trained with.`,
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

  /** The grammar that allows every id everywhere. */
  static unconstrained(vocabularySize: number): GrammarTable {
    const allowed = new Uint8Array(vocabularySize).fill(1);
    const next = new Int32Array(vocabularySize);
    return new GrammarTable({ vocabularySize, stateCount: 1, start: 0, allowed, next }, vocabularySize);
  }

  get start(): number {
    return this.#grammar.start;
  }

  /** The ids that may follow, ascending; none where a sequence ends. Shared: not to be written. */
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

  /** The state after a legal id. */
  next(state: number, id: number): number {
    return this.#checkState(this.#grammar.next[state * this.#grammar.vocabularySize + id]!);
  }

  /** How few and how many ids may still follow until a sequence ends; `most` is Infinity where it need not end. */
  remaining(state: number): { readonly fewest: number; readonly most: number } {
    // Depth first with an explicit stack: grammars may be thousands of states deep.
    const known = new Map<number, { fewest: number; most: number }>();
    const open = new Set<number>();
    const stack = [state];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const followers = known.has(top) ? [] : this.#followers(top);
      const unknown = followers.filter((each) => !known.has(each) && !open.has(each));
      if (!known.has(top) && !open.has(top) && unknown.length > 0) {
        open.add(top);
        stack.push(...unknown);
        continue;
      }
      stack.pop();
      if (!known.has(top)) {
        open.delete(top);
        let [fewest, most] = followers.length === 0 ? [0, 0] : [Number.POSITIVE_INFINITY, 0];
        for (const follower of followers) {
          // A follower still open leads back here: a circle.
          const after = known.get(follower) ?? { fewest: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY };
          fewest = Math.min(fewest, after.fewest + 1);
          most = Math.max(most, after.most + 1);
        }
        known.set(top, { fewest, most });
      }
    }
    return known.get(state)!;
  }

  #followers(state: number): readonly number[] {
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
        `grammar: leads to state ${state}, but has the states 0 to ${this.#grammar.stateCount - 1}.`,
      );
    }
    return state;
  }
}
