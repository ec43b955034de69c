import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel } from "./kernel.js";

/** The angle of the point `(b, a)`: the arc tangent of `a / b`, half a turn further where `b` is negative. */
export const arcTangent2 = kernel(tf.Atan2, ({ input, graph }) => {
  const [a, b] = [input("a"), input("b")];
  if (a.type === "bool" || a.type !== b.type) {
    return undefined;
  }
  const [y, x] = [graph.cast(a, "float32"), graph.cast(b, "float32")];
  const angle = graph.unary("Atan", slope(graph, y, x));
  const halfTurn = graph.where(isNegative(graph, y), number(graph, -Math.PI), number(graph, Math.PI));
  return graph.cast(graph.where(isNegative(graph, x), graph.add(angle, halfTurn), angle), a.type);
});

/** `y / x`, with ±1 for two infinities and the zero `y` for two zeros. */
function slope(graph: GraphBuilder, y: LazyValue, x: LazyValue): LazyValue {
  const quotient = graph.div(y, x);
  const both = (of: (value: LazyValue) => LazyValue) => graph.binary("And", of(y), of(x), "bool");
  const infinite = both((value) => graph.isInfinite(value));
  const zero = both((value) => graph.binary("Equal", value, number(graph, 0), "bool"));
  const signs = graph.mul(graph.unary("Sign", y), graph.unary("Sign", x));
  return graph.where(infinite, signs, graph.where(zero, y, quotient));
}

/** Whether a number has a minus sign, including -0. */
function isNegative(graph: GraphBuilder, x: LazyValue): LazyValue {
  const zero = graph.binary("Equal", x, number(graph, 0), "bool");
  const signed = graph.where(zero, graph.unary("Reciprocal", x), x);
  return graph.binary("Less", signed, number(graph, 0), "bool");
}

function number(graph: GraphBuilder, value: number): LazyValue {
  return graph.scalar("float32", value);
}
