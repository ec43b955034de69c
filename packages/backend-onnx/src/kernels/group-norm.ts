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
 * Gives the result and what its gradient reads: `x` less its group's mean; 1/√(σ² + ε), `[batch, groups, 1]`.
 */
export const groupNorm = kernel<GroupNormAttributes>("MmgenGroupNorm", ({ input, attrs, graph }) => {
  const x = input("x");
  const { shape, places, byGroup } = geometry(graph, x, attrs);
  const means = graph.reshape(graph.reduce("ReduceMean", x, [1, 2], false), shape);
  const mean = graph.reduce("ReduceMean", means, [2], true);
  const centered = scaledByImage(graph, x, { shift: graph.expand(graph.unary("Neg", mean), shape) });
  const squares = graph.reshape(sumsOfProducts(graph, centered, centered), shape);
  const variance = graph.affine(graph.reduce("ReduceMean", squares, [2], true), 1 / places, attrs.epsilon);
  const inverseStd = graph.unary("Reciprocal", graph.unary("Sqrt", variance));
  const slope = graph.mul(inverseStd, byGroup(input("scale")));
  const shift = graph.expand(byGroup(input("offset")), shape);
  return [scaledByImage(graph, centered, { slope, shift }), centered, inverseStd];
});

/** Gradients of `x`, `scale` and `offset`; see `groupNorm` of `@mmgen/nn` for the formula. */
export const groupNormGrad = kernel<GroupNormAttributes>("MmgenGroupNormGrad", ({ input, attrs, graph }) => {
  const [dy, centered, inverseStd] = [input("dy"), input("centered"), input("inverseStd")];
  const { shape, places, byGroup } = geometry(graph, centered, attrs);
  const scales = byGroup(input("scale"));
  const means = graph.reshape(graph.reduce("ReduceMean", dy, [1, 2], false), shape);
  const products = graph.mul(inverseStd, graph.reshape(sumsOfProducts(graph, dy, centered), shape)); // sums of ∂y · x̂
  const meanOf = (values: LazyValue) => graph.reduce("ReduceMean", graph.mul(scales, values), [2], true);
  const negative = graph.unary("Neg", inverseStd);
  const xSlope = graph.mul(graph.mul(inverseStd, negative), graph.affine(meanOf(products), 1 / places, 0));
  const shift = graph.mul(negative, meanOf(means));
  const [slopes, shifts] = [xSlope, shift].map((values) => graph.expand(values, shape)) as [LazyValue, LazyValue];
  const ofX = scaledByImage(graph, centered, { slope: slopes, shift: shifts });
  const slope = graph.mul(inverseStd, scales);
  const overBatch = (values: LazyValue) =>
    graph.reshape(graph.reduce("ReduceSum", values, [0], false), [centered.shape[3]!]);
  return [
    scaledByImage(graph, dy, { slope, shift: graph.fill("float32", shape, 0), plus: ofX }),
    overBatch(products),
    graph.affine(overBatch(means), places, 0),
  ];
});

function geometry(graph: GraphBuilder, x: LazyValue, { groups }: GroupNormAttributes) {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size = channels / groups;
  return {
    /** Numbers for each image and channel, by group. */
    shape: [batch, groups, size] as const,
    places: height * width,
    /** Numbers for each channel. */
    byGroup: (values: LazyValue) => graph.reshape(values, [1, groups, size]),
  };
}
