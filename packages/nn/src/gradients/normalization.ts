import * as tf from "@tensorflow/tfjs-core";
import { rule, sumTo } from "./rule.js";

/** Gradients of normalizations. */
export const normalizationRules: readonly tf.GradConfig[] = [
  // Statistics may have any shape that is broadcast to the image's, and scale may be missing.
  rule<tf.FusedBatchNormAttrs>(tf.FusedBatchNorm, {
    inputs: ["x", "mean", "variance", "scale"],
    gradients: ({ dy, saved: [x, mean, variance, scale], attributes: { varianceEpsilon } }) => {
      const scaled = () => (scale === undefined ? dy : tf.mul(dy, scale));
      const inverse = () => tf.rsqrt(tf.add(variance!, varianceEpsilon));
      const centered = () => tf.sub(x!, mean!);
      return {
        x: () => {
          const gradient = tf.mul(dy, inverse());
          return scale === undefined ? gradient : tf.mul(gradient, scale);
        },
        mean: () => sumTo(tf.mul(tf.neg(inverse()), scaled()), mean!.shape),
        variance: () => {
          const deviation = inverse();
          const slope = tf.mul(tf.mul(tf.mul(deviation, deviation), deviation), -0.5);
          return sumTo(tf.mul(tf.mul(slope, centered()), scaled()), variance!.shape);
        },
        scale: () => sumTo(tf.mul(dy, tf.mul(centered(), inverse())), mean!.shape),
        offset: () => sumTo(dy, mean!.shape),
      };
    },
  }),
];
