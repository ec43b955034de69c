import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
import { runFusedKernel } from "./fused-kernel.js";

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** `"none"`: the exact form, by the error function, and the default. `"tanh"`: GPT-2's approximation of it. */
  readonly approximate?: "none" | "tanh";
}

/**
 * Gaussian error linear unit, `x · Φ(x)`; closed-form gradient.
 *
 * @param x - any shape, float32; borrowed.
 * @returns shaped as `x`; yours to dispose.
 * @see Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415
 */
export function gelu(x: tf.Tensor, options: GeluOptions = {}): tf.Tensor {
  const { approximate = "none" } = options;
  return customGradient([x], {
    forward: (x) => ({
      value: runFusedKernel("MmgenGelu", { x }, { approximate })?.[0] ?? tf.mul(x, gate(x, approximate)),
      saved: [x],
    }),
    gradient: (dy, [x]) => [
      runFusedKernel("MmgenGeluGrad", { dy, x }, { approximate })?.[0] ?? tf.mul(dy, derivative(x, approximate)),
    ],
  });
}

const tanhScale = Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

/** Φ(x), exactly or by tanh. */
function gate(x: tf.Tensor, approximate: "none" | "tanh"): tf.Tensor {
  const odd = approximate === "none" ? tf.erf(tf.mul(x, Math.SQRT1_2)) : tf.tanh(tanhArgument(x));
  return tf.mul(tf.add(odd, 1), 0.5);
}

function tanhArgument(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.add(tf.mul(tf.square(x), tanhScale * tanhCubic), tanhScale));
}

function derivative(x: tf.Tensor, approximate: "none" | "tanh"): tf.Tensor {
  const square = tf.square(x);
  if (approximate === "none") {
    const density = tf.mul(tf.exp(tf.mul(square, -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.add(gate(x, approximate), tf.mul(x, density));
  }
  const t = tf.tanh(tanhArgument(x));
  const dArgument = tf.add(tf.mul(square, 3 * tanhScale * tanhCubic), tanhScale);
  // ½(1 + t) + ½ x (1 − t²) · d(argument)/dx
  return tf.mul(tf.add(tf.add(t, 1), tf.mul(tf.mul(x, tf.sub(1, tf.square(t))), dArgument)), 0.5);
}
