import { setImmediate } from "node:timers/promises";
import { AbortedError } from "@mmgen/core";
import { HttpProblem } from "./http-problem.js";

/** Work done one after the other, in the order in which it came. */
export class WorkQueue {
  readonly #limit: number;
  #last: Promise<unknown> = Promise.resolve();
  #size = 0;

  /** @param limit - Works that wait or run at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Works that wait or run. */
  get size(): number {
    return this.#size;
  }

  /**
   * Does a work when all before it are done.
   *
   * @throws an {@link HttpProblem} where too many wait; an `AbortedError` where the signal fired before its turn.
   */
  async run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    if (this.#size >= this.#limit) {
      throw new HttpProblem(503, `${this.#size} requests wait already. Try again later.`, { "retry-after": "5" });
    }
    this.#size++;
    const before = this.#last;
    const inTurn = async () => {
      await before;
      // A work may keep the thread to itself: between two, the server hears who came and who went.
      await setImmediate();
      if (signal.aborted) {
        throw new AbortedError("Stopped while the request waited.", { cause: signal.reason });
      }
      return work();
    };
    const result = inTurn();
    this.#last = result.catch(() => {});
    try {
      return await result;
    } finally {
      this.#size--;
    }
  }
}
