import * as tf from "@tensorflow/tfjs-core";
import { runFusedKernel } from "./fused-kernel.js";

/** Which sides {@link scaledMatMul} transposes, and by what it multiplies. */
export interface ScaledMatMulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor of the product. */
  readonly scale?: number;
}

/**
 * `scale · op(a) @ op(b)` over equal batch axes, for use inside a closed-form gradient (it has none of its own).
 *
 * @param a - `[…, rows, inner]`, or `[…, inner, rows]` with `transposeA`; borrowed.
 * @param b - `[…, inner, columns]`, or `[…, columns, inner]` with `transposeB`; borrowed.
 * @returns `[…, rows, columns]`; yours to dispose.
 */
export function scaledMatMul(a: tf.Tensor, b: tf.Tensor, options: ScaledMatMulOptions = {}): tf.Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  const fused = runFusedKernel("MmgenMatMul", { a, b }, { transposeA, transposeB, alpha: scale });
  if (fused) {
    return fused[0]!;
  }
  return tf.tidy(() => {
    if (scale === 1) {
      return tf.matMul(a, b, transposeA, transposeB);
    }
    // The factor goes onto the smaller side, which may be far smaller than the product.
    return a.size <= b.size
      ? tf.matMul(tf.mul(a, scale), b, transposeA, transposeB)
      : tf.matMul(a, tf.mul(b, scale), transposeA, transposeB);
  });
}
