import * as tf from "@tensorflow/tfjs-core";

/** Large enough that activations of any size that trains reach 1, small enough that none of them overflows. */
const steepness = 2 ** 100;

/**
 * `least` for numbers that are not positive, 1 for others, as floats; in between for those below 2⁻¹⁰⁰. A product and a
 * clip: booleans of a comparison would have to become floats, which takes several times as long.
 *
 * @param x - Any shape, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose.
 */
export function positiveShare<T extends tf.Tensor>(x: T, least = 0): T {
  return tf.tidy(() => tf.clipByValue(tf.mul(x, steepness), least, 1)) as T;
}
