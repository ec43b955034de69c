import type { Random } from "@mmgen/core";

/**
 * The order of examples: a new permutation each epoch, a pure function of the seed and the step.
 *
 * An epoch has whole batches only, so that every step has the same shapes; the examples that do not fill one, others in
 * each epoch, are left out of it.
 */
export class ExampleOrder {
  readonly stepsPerEpoch: number;
  readonly #random: Random;
  readonly #count: number;
  readonly #batchSize: number;
  #permuted: { readonly epoch: number; readonly order: Int32Array } = { epoch: -1, order: new Int32Array() };

  /** @param random - Only forked, never drawn from. */
  constructor(random: Random, count: number, batchSize: number) {
    this.#random = random;
    this.#count = count;
    this.#batchSize = batchSize;
    this.stepsPerEpoch = Math.floor(count / batchSize);
  }

  /** The indices of the batch after `step` steps, `[batchSize]`, a copy. */
  indices(step: number): Int32Array {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (this.#permuted.epoch !== epoch) {
      this.#permuted = { epoch, order: this.#random.fork(epoch).permutation(this.#count) };
    }
    const start = (step % this.stepsPerEpoch) * this.#batchSize;
    return this.#permuted.order.slice(start, start + this.#batchSize);
  }
}
