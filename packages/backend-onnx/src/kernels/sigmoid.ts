import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";

/** `1 / (1 + exp(-x))`. ONNX Runtime's own gives 0 below -18, where the logarithm of the right value is finite. */
export function sigmoid(graph: GraphBuilder, x: LazyValue): LazyValue {
  return graph.unary("Reciprocal", graph.affine(graph.unary("Exp", graph.unary("Neg", x)), 1, 1));
}
