/**
 * Bounds what several tasks hold at the same time: pixels, bytes.
 *
 * A task that asks for more than there is waits until others have given theirs back, in the order of asking; one that asks
 * for more than the whole gets it when it is alone.
 */
export class Budget {
  readonly #total: number;
  #held = 0;
  readonly #waiting: { readonly amount: number; readonly start: () => void }[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  /** Runs a task that holds `amount` until it settles. */
  async run<Result>(amount: number, task: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((start) => {
      this.#waiting.push({ amount, start });
      this.#startNext();
    });
    try {
      return await task();
    } finally {
      this.#held -= amount;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#held > 0 && this.#held + next.amount > this.#total) {
        return;
      }
      this.#waiting.shift();
      this.#held += next.amount;
      next.start();
    }
  }
}
