import { checkNumber, counterMask, dropShare, type Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { type DrawnNumbers, drawnTensor } from "../transforms/drawn-tensor.js";

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Share of the values set to zero, in `[0, 1)`; see {@link droppedShare}. */
  readonly rate: number;
  /** Source of the mask: two draws for each, the key of its values. */
  readonly random: Random;
}

/**
 * Sets a random share of the values to zero and scales the others up, so that the mean stays; for training only.
 *
 * The mask is a pure function of a key that the stream gives, so that a seed gives the same mask on every backend: the host
 * draws it and uploads one byte a value, or a device draws it.
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
  return tf.tidy(() => tf.mul(x, tf.mul(dropoutMask(x.shape, { rate, random }), 1 / (1 - droppedShare(rate)))));
}

/**
 * Which values {@link dropout} keeps: 1, and 0 where it drops. Divide by the share kept, 1 − {@link droppedShare}.
 *
 * @returns float32 in the shape given; yours to dispose.
 */
export function dropoutMask(shape: readonly number[], { rate, random }: DropoutOptions): tf.Tensor {
  checkRate(rate);
  const size = shape.reduce((product, side) => product * side, 1);
  const draw = (stream: Random, out: DrawnNumbers = new Uint8Array(size)) => drawKept(out as Uint8Array, rate, stream);
  const mask = dropShare(rate);
  return tf.tidy(() => tf.cast(drawnTensor(random, { shape, dtype: "bool", draw, mask }), "float32"));
}

/**
 * The share of the values that {@link dropout} of a rate drops, a multiple of 1/256: within 2 % of the rate and of what it
 * leaves, for rates nearer to 0 or 1 a multiple of 2⁻¹⁶ or 2⁻³².
 */
export function droppedShare(rate: number): number {
  checkRate(rate);
  const { bits, below } = dropShare(rate);
  return below / 2 ** bits;
}

/** Fills `out` with bytes that are 0 with the probability {@link droppedShare} and otherwise 1. */
export function drawKept(out: Uint8Array, rate: number, random: Random): Uint8Array {
  return counterMask(random.counterKey(), dropShare(rate), out);
}

function checkRate(rate: number): void {
  checkNumber("dropout: rate", rate, { min: 0, below: 1 });
}
