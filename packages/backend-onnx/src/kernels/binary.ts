import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { joined, partsOf } from "./complex.js";
import { type KernelExtras, kernel, type NativeKernel } from "./kernel.js";

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
  // tfjs returns integers also for floats.
  [tf.FloorDiv]: divideIntegers,
  [tf.Mod]: modulo,
  [tf.Pow]: (graph, a, b) => (a.type === "int32" ? throughDouble("Pow", graph, a, b) : power(graph, a, b)),
};

const comparisons: Readonly<Record<string, string>> = {
  [tf.Equal]: "Equal",
  [tf.Greater]: "Greater",
  [tf.GreaterEqual]: "GreaterOrEqual",
  [tf.Less]: "Less",
  [tf.LessEqual]: "LessOrEqual",
};

type Complex = readonly [real: LazyValue, imaginary: LazyValue];

const complexArithmetic: Readonly<Record<string, (graph: GraphBuilder, a: Complex, b: Complex) => Complex>> = {
  [tf.Add]: (graph, a, b) => [graph.add(a[0], b[0]), graph.add(a[1], b[1])],
  [tf.Sub]: (graph, a, b) => [graph.sub(a[0], b[0]), graph.sub(a[1], b[1])],
  [tf.Multiply]: (graph, a, b) => [
    graph.sub(graph.mul(a[0], b[0]), graph.mul(a[1], b[1])),
    graph.add(graph.mul(a[0], b[1]), graph.mul(a[1], b[0])),
  ],
};

const logical: Readonly<Record<string, Binary>> = {
  [tf.LogicalAnd]: (graph, a, b) => graph.binary("And", a, b, "bool"),
  [tf.LogicalOr]: (graph, a, b) => graph.or(a, b),
};

const prelu = kernel(tf.Prelu, ({ input, graph }) => {
  const [value, slope] = [graph.cast(input("x"), "float32"), graph.cast(input("alpha"), "float32")];
  const negative = graph.binary("Less", value, graph.scalar("float32", 0), "bool");
  return graph.where(negative, graph.mul(value, slope), value);
});

const bitwiseAnd = kernel(tf.BitwiseAnd, ({ input, graph }) => {
  const [a, b] = [input("a"), input("b")];
  return a.type === "int32" && b.type === "int32" ? graph.binary("BitwiseAnd", a, b) : undefined;
});

/** `dy` where `y ≥ 0`, else `dy (y + 1)`: the gradient of an exponential linear unit. */
const eluGrad = kernel(tf.EluGrad, ({ input, graph }) => {
  const [dy, y] = [input("dy"), input("y")];
  const positive = graph.binary("GreaterOrEqual", y, graph.scalar(y.type, 0), "bool");
  return graph.where(positive, dy, graph.mul(dy, graph.affine(y, 1, 1)));
});

export const binaryKernels: readonly NativeKernel[] = [
  ...Object.entries(arithmetic).map(([name, compute]) =>
    kernel(
      name,
      ({ input, graph }) => {
        const [a, b] = [input("a"), input("b")];
        // ONNX has no arithmetic of booleans; tfjs rarely asks for it.
        return a.type === "bool" || b.type !== a.type ? undefined : compute(graph, a, b);
      },
      { takesEmpty: true, ...inParts(complexArithmetic[name]) },
    ),
  ),
  ...Object.entries(comparisons).map(([name, op]) =>
    kernel(name, ({ input, graph }) => compare(graph, op, input("a"), input("b")), { takesEmpty: true }),
  ),
  kernel(
    tf.NotEqual,
    ({ input, graph }) => {
      const equal = compare(graph, "Equal", input("a"), input("b"));
      return equal === undefined ? undefined : graph.not(equal);
    },
    { takesEmpty: true },
  ),
  ...Object.entries(logical).map(([name, compute]) =>
    kernel(name, ({ input, graph }) => compute(graph, graph.cast(input("a"), "bool"), graph.cast(input("b"), "bool"))),
  ),
  prelu,
  bitwiseAnd,
  eluGrad,
];

function inParts(compute: (typeof complexArithmetic)[string] | undefined): KernelExtras {
  return compute === undefined
    ? {}
    : {
        runComplex: ({ backend, graph, inputs }) =>
          joined(backend, ...compute(graph, partsOf(backend, inputs.a!), partsOf(backend, inputs.b!))),
      };
}

function compare(graph: GraphBuilder, op: string, a: LazyValue, b: LazyValue): LazyValue | undefined {
  if (a.type !== b.type) {
    return undefined;
  }
  return a.type === "bool"
    ? graph.binary(op, graph.cast(a, "int32"), graph.cast(b, "int32"), "bool")
    : graph.binary(op, a, b, "bool");
}

/** Computes integers in doubles, which hold them exactly and allow a zero divisor and a negative exponent. */
function throughDouble(op: string, graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const result = graph.binary(op, graph.cast(a, "float64"), graph.cast(b, "float64"));
  return graph.cast(result, "int32");
}

function divideIntegers(graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const quotient = graph.binary("Div", graph.cast(a, "float64"), graph.cast(b, "float64"));
  return graph.cast(graph.unary("Floor", quotient), "int32");
}

/** The remainder with the divisor's sign, in doubles as in tfjs. */
function modulo(graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const [x, y] = [graph.cast(a, "float64"), graph.cast(b, "float64")];
  const mod = (p: LazyValue, q: LazyValue) => graph.elementwise("Mod", [p, q], p.type, { attributes: { fmod: 1 } });
  const remainder = mod(x, y);
  const zero = graph.scalar(x.type, 0);
  const sameSign = graph.binary(
    "Equal",
    graph.rawCast(graph.binary("Less", x, zero, "bool"), "int32"),
    graph.rawCast(graph.binary("Less", y, zero, "bool"), "int32"),
    "bool",
  );
  return graph.cast(graph.where(sameSign, remainder, mod(graph.add(remainder, y), y)), a.type);
}

/** Follows `Math.pow`: 1 to the power NaN is NaN, and so is ±1 to an infinite power. ONNX Runtime follows C: 1. */
function power(graph: GraphBuilder, a: LazyValue, b: LazyValue): LazyValue {
  const unit = graph.binary("Equal", graph.unary("Abs", a), graph.scalar(a.type, 1), "bool");
  const infinite = graph.binary("And", graph.isInfinite(b), unit, "bool");
  const undefinedAt = graph.or(graph.isNaN(b), infinite);
  return graph.where(undefinedAt, graph.scalar(a.type, Number.NaN), graph.binary("Pow", a, b));
}

function isSplat(value: LazyValue, number: number): boolean {
  return value.splat === number && !Object.is(value.splat, -0);
}
