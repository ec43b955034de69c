import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { runFusedKernel } from "../functions/fused-kernel.js";
import { scaledMatMul } from "../functions/scaled-mat-mul.js";
import { customGradient } from "../transforms/custom-gradient.js";

/** Maximum number of rows whose bias is added inside the product: with more, adding it in parallel is faster. */
const maxFusedRows = 512;

/**
 * Numbers of sequences to record an exported function with, all on one side of what {@link linear} computes differently:
 * the `openSizes` of an `ExportableFunction`.
 *
 * @param length - Positions of a sequence.
 */
export function exportedRows(length: number): readonly [number, number, number] {
  const few = [31, 37, 41] as const;
  return few[2] * length <= maxFusedRows ? few : [47, 53, 59];
}

/**
 * Affine map of the last axis, `x · weightᵀ + bias`, with PyTorch's weight layout and a closed-form gradient.
 *
 * @param x - `[…, inputs]`, float32; borrowed.
 * @param weight - `[outputs, inputs]`; borrowed.
 * @param bias - `[outputs]`; borrowed. Absent: none is added.
 * @returns `[…, outputs]`; yours to dispose.
 * @throws a {@link ShapeError} when the sizes differ.
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  expectShape("linear: weight", weight, ["outputs", "inputs"]);
  const [outputs, inputs] = weight.shape as [number, number];
  if (x.rank < 1 || x.shape.at(-1) !== inputs) {
    throw new ShapeError(`linear: x [${x.shape.join(", ")}] must end in the weight's ${inputs} inputs.`);
  }
  if (bias) {
    expectShape("linear: bias", bias, [outputs]);
  }
  const leading = x.shape.slice(0, -1);
  const rows = leading.reduce((product, size) => product * size, 1);
  // Training keeps the order of its sums.
  const fuses = rows <= maxFusedRows && !tf.engine().isTapeOn();

  return customGradient([x, weight, bias], {
    forward(x, weight, bias) {
      const flat = tf.reshape(x, [rows, inputs]);
      const [fused] = (fuses && bias && runFusedKernel("MmgenLinear", { x: flat, weight, bias })) || [];
      const value = fused ?? affine(flat, weight, bias);
      return { value: tf.reshape(value, [...leading, outputs]), saved: [x, weight] };
    },
    gradient(dy, [x, weight]) {
      const dRows = tf.reshape(dy, [rows, outputs]);
      const dx = tf.reshape(scaledMatMul(dRows, weight), [...leading, inputs]);
      const dWeight = scaledMatMul(dRows, tf.reshape(x, [rows, inputs]), { transposeA: true });
      return [dx, dWeight, bias && tf.sum(dRows, 0)];
    },
  });
}

function affine(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
  const product = scaledMatMul(x, weight, { transposeB: true });
  return bias ? tf.add(product, bias) : product;
}
