import type * as tf from "@tensorflow/tfjs-core";
import { rotationTrick } from "./rotation-trick.js";
import { straightThrough } from "./straight-through.js";

/** How the decoder's gradient reaches latents that rows have taken the place of. */
export type GradientEstimatorName = "straight-through" | "rotation";

/** The names, for the check of a configuration. */
export const gradientEstimatorNames: readonly GradientEstimatorName[] = ["straight-through", "rotation"];

/** The value of `quantized`, with the named gradient for `latents`; see {@link straightThrough}, {@link rotationTrick}. */
export function estimateGradient(
  name: GradientEstimatorName,
  latents: tf.Tensor2D,
  quantized: tf.Tensor2D,
): tf.Tensor2D {
  return name === "rotation" ? rotationTrick(latents, quantized) : straightThrough(latents, quantized);
}
