import { ConfigError, type SequenceDecoding } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { checkVocabulary } from "../model/token-checks.js";

/**
 * Key-value cache of a batch of rows, allocated at full context length: for each layer one pair of
 * `[rows, heads, contextLength, headWidth]`, zero from `length` onwards.
 *
 * Only valid for the model that created it. Dispose it when generation ends.
 */
export class KeyValueCache {
  /** Number of rows. */
  readonly rows: number;
  readonly #owner: object;
  #keys: readonly tf.Tensor[];
  #values: readonly tf.Tensor[];
  #length: number;
  #disposed = false;

  /** @internal Created by `TinyTransformer.prefillTensor`; takes ownership of the tensors. */
  constructor(owner: object, keys: readonly tf.Tensor[], values: readonly tf.Tensor[], length: number) {
    this.#owner = owner;
    this.#keys = keys.map((tensor) => tf.keep(tensor));
    this.#values = values.map((tensor) => tf.keep(tensor));
    this.#length = length;
    this.rows = keys[0]!.shape[0]!;
  }

  /** Number of cached ids in each row. */
  get length(): number {
    return this.#length;
  }

  /**
   * Cached tensors, for the next step of the model.
   *
   * @throws a {@link ConfigError} when the cache belongs to another model or is disposed.
   * @internal
   */
  read(owner: object): { readonly keys: readonly tf.Tensor[]; readonly values: readonly tf.Tensor[] } {
    if (this.#disposed) {
      throw new ConfigError("The key-value cache is disposed; prefill a new one.");
    }
    if (this.#owner !== owner) {
      throw new ConfigError("The key-value cache belongs to another model; use one from this model's prefillTensor.");
    }
    return { keys: this.#keys, values: this.#values };
  }

  /** Replaces the tensors by ones that hold one id more and disposes the old ones; takes ownership. @internal */
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

/** Reads the logits of a prompt and returns the decoding that continues it; takes both over. */
export async function startDecoding(
  model: { readonly vocabularySize: number; stepTensor(ids: tf.Tensor, cache: KeyValueCache): tf.Tensor },
  { cache, logits }: { readonly cache: KeyValueCache; readonly logits: tf.Tensor },
): Promise<SequenceDecoding> {
  try {
    const values = (await logits.data()) as Float32Array;
    return new TransformerDecoding(values, cache, (next) => {
      checkVocabulary("step", next, model.vocabularySize);
      return tf.tidy(() => model.stepTensor(tf.tensor1d(next, "int32"), cache));
    });
  } catch (error) {
    cache.dispose();
    throw error;
  } finally {
    logits.dispose();
  }
}

/** Decoding state of one batch of rows, for samplers. */
class TransformerDecoding implements SequenceDecoding {
  #logits: Float32Array;
  readonly #cache: KeyValueCache;
  readonly #step: (ids: Int32Array) => tf.Tensor;

  /** Takes ownership of the cache; `step` checks the ids and runs one step of the model on it. */
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
