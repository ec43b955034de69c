import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";

/** `eˣ - 1` in float32 alone: near 0 its series, where the difference would have lost its digits. */
export function expm1InFloats(graph: GraphBuilder, x: LazyValue): LazyValue {
  const factorials = [1, 2, 6, 24, 120, 720, 5040, 40320, 362880];
  const small = polynomial(
    graph,
    x,
    factorials.map((factorial) => 1 / factorial),
  );
  return near(graph, x, 0.5, graph.mul(x, small), graph.affine(graph.unary("Exp", x), 1, -1));
}

/** `ln(1 + x)` in float32 alone: near 0 by the series of the area tangent, `2 artanh(x / (2 + x))`. */
export function log1pInFloats(graph: GraphBuilder, x: LazyValue): LazyValue {
  const ratio = graph.div(x, graph.affine(x, 1, 2));
  const terms = polynomial(graph, graph.mul(ratio, ratio), [2, 2 / 3, 2 / 5, 2 / 7, 2 / 9]);
  return near(graph, x, 0.25, graph.mul(ratio, terms), graph.unary("Log", graph.affine(x, 1, 1)));
}

/** @param coefficients - The constant first. */
function polynomial(graph: GraphBuilder, x: LazyValue, coefficients: readonly number[]): LazyValue {
  const [last, ...rest] = [...coefficients].reverse() as [number, ...number[]];
  return rest.reduce<LazyValue>(
    (sum, coefficient) => graph.affine(graph.mul(sum, x), 1, coefficient),
    graph.scalar(x.type, last),
  );
}

function near(graph: GraphBuilder, x: LazyValue, limit: number, small: LazyValue, large: LazyValue): LazyValue {
  return graph.where(graph.binary("Less", graph.abs(x), graph.scalar(x.type, limit), "bool"), small, large);
}
