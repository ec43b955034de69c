import { ConfigError, type SequenceDecoding } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * Keys and values of the ids that a batch of rows has seen, allocated whole: one
 * `[rows, heads, contextLength, headWidth]` pair a layer, zero from `length` onwards.
 *
 * Belongs to the model that made it. Hold it for as long as rows go on, then dispose it.
 */
export class KeyValueCache {
  /** Number of rows. */
  readonly rows: number;
  readonly #owner: object;
  #keys: readonly tf.Tensor[];
  #values: readonly tf.Tensor[];
  #length: number;
  #disposed = false;

  /** @internal Made by `TinyTransformer.prefillTensor`; takes the tensors over. */
  constructor(owner: object, keys: readonly tf.Tensor[], values: readonly tf.Tensor[], length: number) {
    this.#owner = owner;
    this.#keys = keys.map((tensor) => tf.keep(tensor));
    this.#values = values.map((tensor) => tf.keep(tensor));
    this.#length = length;
    this.rows = keys[0]!.shape[0]!;
  }

  /** Ids seen in each row. */
  get length(): number {
    return this.#length;
  }

  /**
   * The tensors for the model's next step.
   *
   * @throws a {@link ConfigError} when the cache is another model's or disposed.
   * @internal
   */
  read(owner: object): { readonly keys: readonly tf.Tensor[]; readonly values: readonly tf.Tensor[] } {
    if (this.#disposed) {
      throw new ConfigError("The key-value cache is disposed; prefill a new one.");
    }
    if (this.#owner !== owner) {
      throw new ConfigError(
        "The key-value cache belongs to another model; use the one that this model's prefill gave.",
      );
    }
    return { keys: this.#keys, values: this.#values };
  }

  /** Takes over the tensors that hold one id more, and frees the former ones. @internal */
  replace(keys: readonly tf.Tensor[], values: readonly tf.Tensor[]): void {
    tf.dispose([...this.#keys, ...this.#values]);
    this.#keys = keys.map((tensor) => tf.keep(tensor));
    this.#values = values.map((tensor) => tf.keep(tensor));
    this.#length++;
  }

  /** Frees the tensors; safe to call twice. */
  dispose(): void {
    if (!this.#disposed) {
      this.#disposed = true;
      tf.dispose([...this.#keys, ...this.#values]);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

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
