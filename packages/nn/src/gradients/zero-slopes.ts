import * as tf from "@tensorflow/tfjs-core";
import { rule } from "./rule.js";

/** Inputs of the kernels whose results jump or stay, but never slope. */
const flat: readonly (readonly [kernelName: string, ...inputs: string[]])[] = [
  [tf.Equal, "a", "b"],
  [tf.NotEqual, "a", "b"],
  [tf.Greater, "a", "b"],
  [tf.GreaterEqual, "a", "b"],
  [tf.Less, "a", "b"],
  [tf.LessEqual, "a", "b"],
  [tf.LogicalAnd, "a", "b"],
  [tf.LogicalOr, "a", "b"],
  [tf.LogicalNot, "x"],
  [tf.All, "x"],
  [tf.Any, "x"],
  [tf.ArgMax, "x"],
  [tf.ArgMin, "x"],
];

/**
 * Gradients of comparisons, conditions and indices: 0. Without them a condition that is computed from a variable,
 * `tf.where(tf.greater(x, 0), x, 0)`, has no gradient at all.
 */
export const zeroSlopeRules: readonly tf.GradConfig[] = flat.map(([kernelName, ...inputs]) =>
  rule(kernelName, {
    inputs,
    gradients: ({ saved }) =>
      Object.fromEntries(inputs.map((name, i) => [name, () => tf.zeros(saved[i]!.shape, "float32")])),
  }),
);
