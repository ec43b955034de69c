import type { SequenceDecoding } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { KeyValueCache } from "./key-value-cache.js";

/** A running decode of one batch of rows, as samplers drive it; made by `TinyTransformer.prefill`. */
export class TransformerDecoding implements SequenceDecoding {
  #logits: Float32Array;
  readonly #cache: KeyValueCache;
  readonly #step: (ids: Int32Array) => tf.Tensor;

  /** @internal Takes the cache over; `step` checks the ids and runs one step of the model on it. */
  constructor(logits: Float32Array, cache: KeyValueCache, step: (ids: Int32Array) => tf.Tensor) {
    this.#logits = logits;
    this.#cache = cache;
    this.#step = step;
  }

  get logits(): Float32Array {
    return this.#logits;
  }

  get length(): number {
    return this.#cache.length;
  }

  async step(ids: Int32Array): Promise<Float32Array> {
    const logits = this.#step(ids);
    try {
      this.#logits = (await logits.data()) as Float32Array;
    } finally {
      tf.dispose(logits);
    }
    return this.#logits;
  }

  dispose(): void {
    this.#cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
