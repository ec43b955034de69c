import * as tf from "@tensorflow/tfjs-core";
import { broadcastShape, type GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel, type NativeKernel } from "./kernel.js";

type Binary = (graph: GraphBuilder, a: LazyValue, b: LazyValue) => LazyValue;

const arithmetic: Readonly<Record<string, Binary>> = {
  [tf.Add]: (graph, a, b) =>
    isSplat(a, 0) ? graph.expandTo(b, a) : isSplat(b, 0) ? graph.expandTo(a, b) : graph.add(a, b),
  [tf.Sub]: (graph, a, b) => graph.sub(a, b),
  [tf.Multiply]: (graph, a, b) => graph.mul(a, b),
  [tf.Maximum]: (graph, a, b) => graph.binary("Max", a, b),
  [tf.Minimum]: (graph, a, b) => graph.binary("Min", a, b),
  [tf.SquaredDifference]: (graph, a, b) => {
    const difference = graph.sub(a, b);
    return graph.mul(difference, difference);
  },
  [tf.RealDiv]: (graph, a, b) => (a.type === "int32" ? throughDouble("Div", graph, a, b) : graph.div(a, b)),
  // Of floats too, tfjs makes integers.
  [tf.FloorDiv]: divideIntegers,
  [tf.Mod]: modulo,
  [tf.Pow]: (graph, a, b) => (a.type === "int32" ? throughDouble("Pow", graph, a, b) : graph.binary("Pow", a, b)),
};

const comparisons: Readonly<Record<string, string>> = {
  [tf.Equal]: "Equal",
  [tf.Greater]: "Greater",
  [tf.GreaterEqual]: "GreaterOrEqual",
  [tf.Less]: "Less",
  [tf.LessEqual]: "LessOrEqual",
};

const logical: Readonly<Record<string, string>> = { [tf.LogicalAnd]: "And", [tf.LogicalOr]: "Or" };

const prelu = kernel(tf.Prelu, ({ input, graph }) => {
  const x = input("x");
  const slope = graph.cast(input("alpha"), x.type);
  return x.type === "float32"
    ? graph.where(graph.binary("Less", x, graph.scalar(x.type, 0), "bool"), graph.mul(x, slope), x)
    : null;
});

/** `dy` where `y ≥ 0`, else `dy (y + 1)`: the gradient of an exponential linear unit. */
const eluGrad = kernel(tf.EluGrad, ({ input, graph }) => {
  const [dy, y] = [input("dy"), input("y")];
  const positive = graph.binary("GreaterOrEqual", y, graph.scalar(y.type, 0), "bool");
  return graph.where(positive, dy, graph.mul(dy, graph.affine(y, 1, 1)));
});

export const binaryKernels: readonly NativeKernel[] = [
  ...Object.entries(arithmetic).map(([name, compute]) =>
    kernel(name, ({ input, graph }) => {
      const [a, b] = [input("a"), input("b")];
      // A sum of booleans is no boolean to ONNX; tfjs hardly ever asks for one.
      return a.type === "bool" || b.type !== a.type ? null : compute(graph, a, b);
    }),
  ),
  ...Object.entries(comparisons).map(([name, op]) =>
    kernel(name, ({ input, graph }) => compare(graph, op, input("a"), input("b"))),
  ),
  kernel(tf.NotEqual, ({ input, graph }) => {
    const equal = compare(graph, "Equal", input("a"), input("b"));
    return equal === null ? null : graph.not(equal);
  }),
  ...Object.entries(logical).map(([name, op]) =>
    kernel(name, ({ input, graph }) =>
      graph.binary(op, graph.cast(input("a"), "bool"), graph.cast(input("b"), "bool"), "bool"),
    ),
  ),
  prelu,
  eluGrad,
];

function compare(graph: GraphBuilder, op: string, a: LazyValue, b: LazyValue): LazyValue | null {
  if (a.type !== b.type) {
    return null;
  }
  return a.type === "bool"
    ? graph.binary(op, graph.cast(a, "int32"), graph.cast(b, "int32"), "bool")
    : graph.binary(op, a, b, "bool");
}

/** Integers below 2³¹ are exact in a double, and neither a zero divisor nor a negative exponent stops it. */
function throughDouble(op: string, graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const result = graph.binary(op, graph.cast(a, "float64"), graph.cast(b, "float64"));
  return toInteger(graph, result);
}

function divideIntegers(graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const quotient = graph.binary("Div", graph.cast(a, "float64"), graph.cast(b, "float64"));
  return toInteger(graph, graph.unary("Floor", quotient));
}

/** To int32 as an Int32Array does it: what is not finite becomes 0. */
function toInteger(graph: GraphBuilder, x: LazyValue): LazyValue {
  const finite = graph.binary("Less", graph.unary("Abs", x), graph.scalar(x.type, 2 ** 31), "bool");
  return graph.rawCast(graph.where(finite, x, graph.scalar(x.type, 0)), "int32");
}

/** The remainder with the divisor's sign. */
function modulo(graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const [x, y] = a.type === "int32" ? [graph.cast(a, "float64"), graph.cast(b, "float64")] : [a, b];
  const mod = (p: LazyValue, q: LazyValue) =>
    graph.node("Mod", [p, q], p.type, broadcastShape(p.shape, q.shape), { attributes: { fmod: 1 } });
  const remainder = mod(x, y);
  const zero = graph.scalar(x.type, 0);
  const sameSign = graph.binary(
    "Equal",
    graph.rawCast(graph.binary("Less", x, zero, "bool"), "int32"),
    graph.rawCast(graph.binary("Less", y, zero, "bool"), "int32"),
    "bool",
  );
  const result = graph.where(sameSign, remainder, mod(graph.add(remainder, y), y));
  return a.type === "int32" ? toInteger(graph, result) : result;
}

function isSplat(value: LazyValue, number: number): boolean {
  return value.splat === number && !Object.is(value.splat, -0);
}
