import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { scaledByImage, sumsOfProducts } from "./blocked-images.js";
import { kernel } from "./kernel.js";

interface GroupNormAttributes {
  readonly groups: number;
  readonly epsilon: number;
}

/**
 * Group normalization of `x`, `[batch, height, width, channels]`, by `scale` and `offset`, `[channels]`.
 *
 * Gives the result and what its gradient reads: `x` less each channel's mean in its image; by how much that exceeds the
 * group's mean, `[batch, groups, channels of a group]`; 1/√(σ² + ε), `[batch, groups, 1]`.
 */
export const groupNorm = kernel<GroupNormAttributes>("MmgenGroupNorm", ({ input, attrs, graph }) => {
  const x = input("x");
  const { shape, places, scales } = geometry(graph, x, input("scale"), attrs);
  const means = graph.reduce("ReduceMean", x, [1, 2], false);
  const centered = scaledByImage(graph, x, { shift: graph.unary("Neg", means) });
  const squares = graph.reshape(sumsOfProducts(graph, centered, centered), shape);
  const byGroup = graph.reshape(means, shape);
  const offsets = graph.sub(byGroup, graph.reduce("ReduceMean", byGroup, [2], true));
  const variances = graph.add(graph.affine(squares, 1 / places, 0), graph.mul(offsets, offsets));
  const variance = graph.affine(graph.reduce("ReduceMean", variances, [2], true), 1, attrs.epsilon);
  const inverseStd = graph.unary("Reciprocal", graph.unary("Sqrt", variance));
  const slope = graph.mul(inverseStd, scales);
  const shift = graph.add(graph.mul(offsets, slope), graph.reshape(input("offset"), scales.shape));
  return [scaledByImage(graph, centered, { slope, shift }), centered, offsets, inverseStd];
});

/** Gradients of `x`, `scale` and `offset`; see `groupNorm` of `@mmgen/nn` for the formula. */
export const groupNormGrad = kernel<GroupNormAttributes>("MmgenGroupNormGrad", ({ input, attrs, graph }) => {
  const [dy, centered, offsets, inverseStd] = [input("dy"), input("centered"), input("offsets"), input("inverseStd")];
  const { shape, places, scales } = geometry(graph, centered, input("scale"), attrs);
  const count = places * shape[2]!;
  const sums = graph.reshape(graph.reduce("ReduceSum", dy, [1, 2], false), shape);
  const products = graph.reshape(sumsOfProducts(graph, dy, centered), shape);
  const normalized = graph.mul(inverseStd, graph.add(products, graph.mul(offsets, sums)));
  const mean = (values: LazyValue) =>
    graph.affine(graph.reduce("ReduceSum", graph.mul(scales, values), [2], true), -1 / count, 0);
  const constant = graph.mul(inverseStd, mean(sums));
  const xSlope = graph.mul(graph.mul(inverseStd, inverseStd), mean(normalized));
  const shift = graph.add(graph.mul(xSlope, offsets), constant);
  const inner = scaledByImage(graph, centered, { slope: graph.expand(xSlope, shape), shift });
  const slope = graph.mul(inverseStd, scales);
  const none = graph.fill("float32", shape, 0);
  const channels = [centered.shape[3]!];
  return [
    scaledByImage(graph, dy, { slope, shift: none, plus: inner }),
    graph.reshape(graph.reduce("ReduceSum", normalized, [0], false), channels),
    graph.reshape(graph.reduce("ReduceSum", sums, [0], false), channels),
  ];
});

function geometry(graph: GraphBuilder, x: LazyValue, scale: LazyValue, { groups }: GroupNormAttributes) {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size = channels / groups;
  return {
    shape: [batch, groups, size] as const,
    places: height * width,
    scales: graph.reshape(scale, [1, groups, size]),
  };
}
