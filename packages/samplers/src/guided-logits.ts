import type { Generation } from "./generation.js";
import type { LogitsSource } from "./logits-source.js";

/**
 * Mixes the logits with and without the condition into `mixed`: `without + (with − without) · scale`.
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
