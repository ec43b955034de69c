import { checkNumber, type Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { drawnTensor } from "../transforms/drawn-tensor.js";

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Share of the values set to zero, in `[0, 1)`. */
  readonly rate: number;
  /** Source of the mask; about one 32-bit draw for four values. */
  readonly random: Random;
}

/**
 * Sets a random share of the values to zero and scales the others up, so that the mean stays; for training only.
 *
 * The mask is drawn on the host, so that a seed gives the same mask on every backend, and uploaded as one byte a value.
 *
 * @param x - any shape, float32; borrowed.
 * @returns shaped as `x`; yours to dispose.
 * @throws a `ConfigError` when the rate is outside `[0, 1)`.
 * @see Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
 */
export function dropout(x: tf.Tensor, { rate, random }: DropoutOptions): tf.Tensor {
  checkRate(rate);
  if (rate === 0) {
    return tf.clone(x);
  }
  return tf.tidy(() => tf.mul(x, tf.mul(dropoutMask(x.shape, { rate, random }), 1 / (1 - rate))));
}

/**
 * Which values {@link dropout} keeps: 1, and 0 where it drops.
 *
 * @returns float32 in the shape given; yours to dispose.
 */
export function dropoutMask(shape: readonly number[], { rate, random }: DropoutOptions): tf.Tensor {
  checkRate(rate);
  const size = shape.reduce((product, side) => product * side, 1);
  const draw = (stream: Random) => drawKept(size, rate, stream);
  return tf.tidy(() => tf.cast(drawnTensor(random, { shape, dtype: "bool", draw }), "float32"));
}

/**
 * Draws `size` bytes that are 0 with probability `rate` and otherwise 1.
 *
 * Four come out of each 32-bit draw: a byte below `rate · 256` drops, one above keeps, and one on the border,
 * once in 256, is decided by a draw of its own, so that the rate is exact.
 */
export function drawKept(size: number, rate: number, random: Random): Uint8Array {
  const border = Math.floor(rate * 256);
  const borderRate = (rate * 256 - border) * 2 ** 32;
  // The four bytes of a draw are compared at once, as two pairs of 16-bit lanes: a byte plus 256 − t has the lane's
  // ninth bit set exactly if the byte is at least t.
  const atLeastBorder = (256 - border) * 0x00010001;
  const aboveBorder = atLeastBorder - 0x00010001;
  const bytes = new Uint8Array(Math.ceil(size / 4) * 4);
  const words = new Uint32Array(bytes.buffer);
  for (let i = 0; i < words.length; i++) {
    const draw = random.uint32();
    const even = draw & 0x00ff00ff;
    const odd = (draw >>> 8) & 0x00ff00ff;
    let kept = (((even + aboveBorder) >>> 8) & 0x00010001) | ((odd + aboveBorder) & 0x01000100);
    const keptOrBorder = (((even + atLeastBorder) >>> 8) & 0x00010001) | ((odd + atLeastBorder) & 0x01000100);
    for (let undecided = kept ^ keptOrBorder; undecided !== 0; undecided &= undecided - 1) {
      if (random.uint32() >= borderRate) {
        kept |= undecided & -undecided;
      }
    }
    words[i] = kept;
  }
  return bytes.subarray(0, size);
}

function checkRate(rate: number): void {
  checkNumber("dropout: rate", rate, { min: 0, below: 1 });
}
