import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { scaledMatMul } from "../functions/scaled-mat-mul.js";

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

  const run = tf.customGrad((...args) => {
    const [x, weight] = args as tf.Tensor[];
    const bias = args.length > 3 ? (args[2] as tf.Tensor) : undefined;
    const save = args.at(-1) as tf.GradSaveFunc;
    save([x!, weight!]);
    const product = scaledMatMul(tf.reshape(x!, [rows, inputs]), weight!, { transposeB: true });
    const value = tf.reshape(bias ? tf.add(product, bias) : product, [...leading, outputs]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, weight] = saved as [tf.Tensor, tf.Tensor];
      const dRows = tf.reshape(dy, [rows, outputs]);
      const dx = tf.reshape(scaledMatMul(dRows, weight), [...leading, inputs]);
      const dWeight = scaledMatMul(dRows, tf.reshape(x, [rows, inputs]), { transposeA: true });
      return bias ? [dx, dWeight, tf.sum(dRows, 0)] : [dx, dWeight];
    };
    return { value, gradFunc };
  });
  return bias ? run(x, weight, bias) : run(x, weight);
}
