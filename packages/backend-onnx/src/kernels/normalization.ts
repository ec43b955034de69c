import * as tf from "@tensorflow/tfjs-core";
import { float } from "../graph/lazy-value.js";
import { kernel, type NativeKernel } from "./kernel.js";

/** `(x - mean) / √(variance + ε) · scale + offset`, folded to one product and one sum over `x`. */
const batchNorm = kernel<tf.FusedBatchNormAttrs>(tf.FusedBatchNorm, ({ input, optional, attrs, graph }) => {
  const [x, mean, variance] = [input("x"), input("mean"), input("variance")];
  const [scale, offset] = [optional("scale"), optional("offset")];
  const inverse = graph.unary("Reciprocal", graph.unary("Sqrt", graph.affine(variance, 1, attrs.varianceEpsilon)));
  const factor = scale === undefined ? inverse : graph.mul(inverse, scale);
  const shift = graph.mul(mean, factor);
  const summand = offset === undefined ? graph.unary("Neg", shift) : graph.sub(offset, shift);
  return graph.add(graph.mul(x, factor), summand);
});

/** Layer normalization over the last axis, with what its gradient needs: the mean and the inverse deviation. */
const layerNorm = kernel<{ epsilon: number }>("MmgenLayerNorm", ({ input, optional, attrs, graph }) => {
  const [x, scale, bias] = [input("x"), input("scale"), optional("bias")];
  const statistics = { type: x.type, shape: [...x.shape.slice(0, -1), 1] };
  return graph.nodes(
    "LayerNormalization",
    bias ? [x, scale, bias] : [x, scale],
    [{ type: x.type, shape: x.shape }, statistics, statistics],
    {
      attributes: { axis: -1, epsilon: float(attrs.epsilon) },
    },
  );
});

/**
 * With `x̂ = (x - mean) · inverseStd` and `g = dy · scale`:
 * `dx = inverseStd · (g - mean(g) - x̂ · mean(g · x̂))`, `dScale = Σ dy · x̂`, `dBias = Σ dy`.
 */
const layerNormGrad = kernel("MmgenLayerNormGrad", ({ input, graph }) => {
  const [dy, x, scale] = [input("dy"), input("x"), input("scale")];
  const [mean, inverseStd] = [input("mean"), input("inverseStd")];
  const last = x.shape.length - 1;
  const rows = x.shape.map((_, axis) => axis).slice(0, last);
  const normalized = graph.mul(graph.sub(x, mean), inverseStd);
  const scaled = graph.mul(dy, scale);
  const along = graph.reduce("ReduceMean", graph.mul(scaled, normalized), [last], true);
  const centered = graph.sub(scaled, graph.reduce("ReduceMean", scaled, [last], true));
  const dx = graph.mul(graph.sub(centered, graph.mul(normalized, along)), inverseStd);
  const dScale = graph.reduce("ReduceSum", graph.mul(dy, normalized), rows, false);
  return [dx, dScale, graph.reduce("ReduceSum", dy, rows, false)];
});

export const normalizationKernels: readonly NativeKernel[] = [batchNorm, layerNorm, layerNormGrad];
