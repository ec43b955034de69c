import { AbortedError, type SequenceDecoding, type SequenceModel, ShapeError, type TokenBatch } from "@mmgen/core";
import type { Generation } from "./generation.js";

/**
 * Lazy source of next-id logits: the model runs only when logits are requested, so ids that the grammar forces need a
 * model step only when a later id depends on them.
 */
export class LogitsSource {
  readonly #model: SequenceModel;
  /** Replaces the prompt of the generation; differs from it only for guidance. */
  readonly #prompt: TokenBatch;
  readonly #promptLength: number;
  readonly #signal: AbortSignal | undefined;
  #decoding: SequenceDecoding | undefined;
  #fed = 0;

  /**
   * @param prompt - First ids that the model reads.
   * @param promptLength - Number of ids of the generation that `prompt` replaces.
   */
  constructor(model: SequenceModel, prompt: TokenBatch, promptLength: number, signal: AbortSignal | undefined) {
    this.#model = model;
    this.#prompt = prompt;
    this.#promptLength = promptLength;
    this.#signal = signal;
  }

  /** Logits after all current ids, `[rows, vocabularySize]`; valid until the next call. */
  async next(generation: Generation): Promise<Float32Array> {
    if (this.#decoding === undefined) {
      this.#decoding = await this.#model.prefill(generation.continued(this.#prompt, this.#promptLength));
      this.#fed = generation.position;
      throwIfAborted(this.#signal);
    }
    let logits = this.#decoding.logits;
    while (this.#fed < generation.position) {
      logits = await this.#decoding.step(generation.column(this.#fed));
      this.#fed++;
      throwIfAborted(this.#signal);
    }
    const expected = generation.rows * this.#model.vocabularySize;
    if (logits.length !== expected) {
      throw new ShapeError(
        `The model gave ${logits.length} logits, expected ${expected}: ${generation.rows} rows × ${this.#model.vocabularySize} ids.`,
      );
    }
    return logits;
  }

  /** Frees the decode; safe to call twice. */
  dispose(): void {
    this.#decoding?.dispose();
    this.#decoding = undefined;
  }
}

/**
 * Classifier-free guidance: mixes the logits with and without the condition into `mixed`:
 * `without + (with − without) · scale`.
 *
 * @param mixed - `[rows, vocabularySize]`; filled and returned.
 * @see Ho and Salimans 2022, https://arxiv.org/abs/2207.12598
 */
export async function guidedLogits(
  conditioned: LogitsSource,
  unconditioned: LogitsSource,
  scale: number,
  generation: Generation,
  mixed: Float32Array,
): Promise<Float32Array> {
  const withCondition = await conditioned.next(generation);
  const without = await unconditioned.next(generation);
  for (let i = 0; i < mixed.length; i++) {
    mixed[i] = without[i]! + (withCondition[i]! - without[i]!) * scale;
  }
  return mixed;
}

/** Throws {@link AbortedError} when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new AbortedError("Generation was stopped by its AbortSignal.", { cause: signal.reason });
  }
}
