import { ConfigError } from "./errors.js";
import { Random } from "./random.js";

/**
 * Standard Gumbel noise for one row at one position, `[vocabularySize]`: a pure function of its arguments.
 *
 * `argmax(logits + noise)` is a draw from `softmax(logits)` (the Gumbel-max trick). As the noise depends on nothing
 * but the row's seed and the position, a row's ids are the same in any batch, and a loop run natively equals one
 * run step by step.
 *
 * @param seed - The row's seed, an unsigned 32-bit integer.
 * @param position - Index in the sequence of the id to be drawn.
 * @param out - At least `vocabularySize` long; its front is filled and it is returned. Made when absent.
 * @throws {@link ConfigError} when `position` is not a whole number below 2^21.
 * @see Gumbel 1954; Maddison et al. 2014, https://arxiv.org/abs/1411.0030
 */
export function gumbelNoise(
  seed: number,
  position: number,
  vocabularySize: number,
  out: Float32Array = new Float32Array(vocabularySize),
): Float32Array {
  if (!Number.isInteger(position) || position < 0 || position >= 2 ** 21) {
    throw new ConfigError(`gumbelNoise: position must be a whole number from 0 to 2^21 − 1, got ${position}.`);
  }
  const random = Random.fromSeed((seed >>> 0) + position * 2 ** 32);
  for (let i = 0; i < vocabularySize; i++) {
    // (draw + 0.5) / 2^32 lies strictly inside (0, 1), so both logarithms are finite.
    out[i] = -Math.log(-Math.log((random.uint32() + 0.5) / 2 ** 32));
  }
  return out;
}
