import * as tf from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.js";

/** `(x - mean) / √(variance + ε) · scale + offset`, folded to one product and one sum over `x`. */
export const batchNorm = kernel<tf.FusedBatchNormAttrs>(tf.FusedBatchNorm, ({ input, optional, attrs, graph }) => {
  const [x, mean, variance] = [input("x"), input("mean"), input("variance")];
  const [scale, offset] = [optional("scale"), optional("offset")];
  const inverse = graph.unary("Reciprocal", graph.unary("Sqrt", graph.affine(variance, 1, attrs.varianceEpsilon)));
  const factor = scale === null ? inverse : graph.mul(inverse, scale);
  const shift = graph.mul(mean, factor);
  const summand = offset === null ? graph.unary("Neg", shift) : graph.sub(offset, shift);
  return graph.add(graph.mul(x, factor), summand);
});
