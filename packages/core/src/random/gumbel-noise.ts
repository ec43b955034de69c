import { describeValue } from "../errors/describe-value.js";
import { ConfigError } from "../errors/errors.js";
import { approximateGumbel, gumbelError } from "./gumbel-table.js";
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
 * @param out - Array to fill from the front and return, at least `vocabularySize` long; a new one when absent.
 * @throws a {@link ConfigError} when `position` is not a whole number below 2^21.
 * @see Gumbel 1954; Maddison et al. 2014, https://arxiv.org/abs/1411.0030
 */
export function gumbelNoise(
  seed: number,
  position: number,
  vocabularySize: number,
  out: Float32Array = new Float32Array(vocabularySize),
): Float32Array {
  const random = noiseStream(seed, position);
  for (let i = 0; i < vocabularySize; i++) {
    out[i] = float32Gumbel(random.uint32());
  }
  return out;
}

/**
 * The draws behind {@link gumbelNoise}: `gumbelNoise(seed, position, n)[i]` is `gumbelOfDraw(draws[i])` in float32.
 *
 * For samplers that need the noise of a few ids: the draws are cheap, the two logarithms of each are not.
 *
 * @param count - How many draws to make, from the first id on.
 * @param out - Array to fill from the front and return, at least `count` long; a new one when absent.
 * @throws a {@link ConfigError} when `position` is not a whole number below 2^21.
 */
export function gumbelDraws(
  seed: number,
  position: number,
  count: number,
  out: Uint32Array = new Uint32Array(count),
): Uint32Array {
  const random = noiseStream(seed, position);
  for (let i = 0; i < count; i++) {
    out[i] = random.uint32();
  }
  return out;
}

/** Standard Gumbel noise of a draw that is uniform in `[0, 2^32)`; it grows with the draw. */
export function gumbelOfDraw(draw: number): number {
  // (draw + 0.5) / 2^32 lies strictly inside (0, 1), so both logarithms are finite.
  return -Math.log(-Math.log((draw + 0.5) / 2 ** 32));
}

/** {@link gumbelOfDraw} in float32. */
function float32Gumbel(draw: number): number {
  const approximate = approximateGumbel(draw);
  // Where the error cannot change the rounding, the approximate value rounds as the exact one; NaN never equals.
  const rounded = Math.fround(approximate - gumbelError);
  return rounded === Math.fround(approximate + gumbelError) ? rounded : gumbelOfDraw(draw);
}

function noiseStream(seed: number, position: number): Random {
  if (!Number.isInteger(position) || position < 0 || position >= 2 ** 21) {
    throw new ConfigError(
      `gumbelNoise: position must be a whole number from 0 to 2^21 − 1, got ${describeValue(position)}.`,
    );
  }
  return Random.fromSeed((seed >>> 0) + position * 2 ** 32);
}
