import * as tf from "@tensorflow/tfjs-core";

/** Activations of any size that trains reach 1; those above 2²⁸ become infinite, which the clip makes 1. */
const steepness = 2 ** 100;

/**
 * `least` for numbers that are not positive, 1 for others, as floats; in between for those below 2⁻¹⁰⁰, NaN for NaN. A
 * product and a clip: booleans of a comparison would have to become floats, which takes several times as long.
 *
 * @param x - Any shape, float32; borrowed.
 * @returns Shaped as `x`; yours to dispose.
 */
export function positiveShare<T extends tf.Tensor>(x: T, least = 0): T {
  return tf.tidy(() => tf.clipByValue(tf.mul(x, steepness), least, 1)) as T;
}
