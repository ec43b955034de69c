import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel } from "./kernel.js";

interface GeluAttributes {
  readonly approximate: "none" | "tanh";
}

/** `√(2/π)` and the cubic coefficient of the tanh form. */
const tanhScale = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

export const gelu = kernel<GeluAttributes>("MmgenGelu", ({ input, attrs, graph }) => {
  const x = input("x");
  return graph.elementwise("Gelu", [x], x.type, { attributes: { approximate: attrs.approximate } });
});

export const geluGrad = kernel<GeluAttributes>("MmgenGeluGrad", ({ input, attrs, graph }) => {
  const [dy, x] = [input("dy"), input("x")];
  return graph.mul(dy, attrs.approximate === "tanh" ? tanhSlope(graph, x) : exactSlope(graph, x));
});

/** `Φ(x) + x · φ(x)`, with the normal distribution's `Φ(x) = ½ + ½ erf(x/√2)` and `φ(x) = exp(-x²/2)/√(2π)`. */
function exactSlope(graph: GraphBuilder, x: LazyValue): LazyValue {
  const distribution = graph.affine(graph.unary("Erf", graph.affine(x, Math.SQRT1_2, 0)), 0.5, 0.5);
  // exp(-x²/2 + log(1/√(2π))) would save a pass but loses digits; the factor rides on x instead.
  const density = graph.unary("Exp", graph.mul(graph.affine(x, -0.5, 0), x));
  const weighted = graph.mul(graph.affine(x, 1 / Math.sqrt(2 * Math.PI), 0), density);
  return graph.add(distribution, weighted);
}

/** With `t = tanh(√(2/π)(x + 0.044715x³))`: `½(1 + t) + ½ x (1 - t²) √(2/π) (1 + 3 · 0.044715 x²)`. */
function tanhSlope(graph: GraphBuilder, x: LazyValue): LazyValue {
  const square = graph.mul(x, x);
  const t = graph.unary("Tanh", graph.mul(x, graph.affine(square, tanhScale * cubic, tanhScale)));
  const inner = graph.mul(x, graph.affine(square, 1.5 * tanhScale * cubic, 0.5 * tanhScale));
  const slope = graph.mul(inner, graph.affine(graph.mul(t, t), -1, 1));
  return graph.add(graph.affine(t, 0.5, 0.5), slope);
}
