import { describeValue } from "../errors/describe-value.js";
import { ConfigError } from "../errors/errors.js";
import { type CounterKey, counterWord } from "./counter-words.js";
import { fillNoise } from "./noise-program.js";
import { quantile, quantiles } from "./quantiles.js";
import { firstLarge } from "./word-program.js";

/**
 * Standard Gumbel noise for one row at one position, `[vocabularySize]`: a pure function of its arguments.
 *
 * `argmax(logits + noise)` is a draw from `softmax(logits)` (the Gumbel-max trick). As the noise depends on nothing
 * but the row's seed and the position, a row's ids are the same in any batch, and a loop run natively equals one
 * run step by step.
 *
 * The noise of id n is that of word n of a sequence of `counterWords`, whose key is made of seed and position. Of most words
 * the upper 16 bits alone count, so that the noise is looked up in a table of quantiles; of the largest 1024th, which
 * decide when an unlikely id is drawn, all bits do.
 *
 * @param seed - The row's seed, an unsigned 32-bit integer.
 * @param position - Index in the sequence of the id to be drawn.
 * @param out - Array to fill from the front and return, at least `vocabularySize` long; a new one when absent.
 * @throws a {@link ConfigError} when `position` is not a whole number below 2^32.
 * @see Gumbel 1954; Maddison et al. 2014, https://arxiv.org/abs/1411.0030
 */
export function gumbelNoise(
  seed: number,
  position: number,
  vocabularySize: number,
  out: Float32Array = new Float32Array(vocabularySize),
): Float32Array {
  fillNoise(noiseKey(seed, position), vocabularySize, out);
  return out;
}

/**
 * {@link gumbelNoise} of some ids only.
 *
 * @param ids - Their noise is written to the front of `out`, in their order.
 * @returns `out`.
 * @throws a {@link ConfigError} when `position` is not a whole number below 2^32.
 */
export function gumbelNoiseOf(seed: number, position: number, ids: Int32Array, out: Float32Array): Float32Array {
  const key = noiseKey(seed, position);
  const table = quantiles();
  for (let i = 0; i < ids.length; i++) {
    const word = counterWord(key, ids[i]!);
    const upper = word >>> 16;
    out[i] = upper < firstLarge ? table[upper]! : quantile(word);
  }
  return out;
}

/** The key of a row's noise at a position: two words of the sequence of which seed and position are the key. */
function noiseKey(seed: number, position: number): CounterKey {
  if (!Number.isInteger(position) || position < 0 || position >= 2 ** 32) {
    throw new ConfigError(
      `gumbelNoise: position must be a whole number from 0 to 2^32 − 1, got ${describeValue(position)}.`,
    );
  }
  const key = { first: seed, second: position };
  return { first: counterWord(key, 0), second: counterWord(key, 1) };
}
