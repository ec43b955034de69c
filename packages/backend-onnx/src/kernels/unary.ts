import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { float } from "../graph/lazy-value.js";
import { sigmoid } from "./activation.js";
import { kernel, type NativeKernel } from "./kernel.js";
import { expm1InFloats, log1pInFloats } from "./near-zero.js";

type Unary = (graph: GraphBuilder, x: LazyValue) => LazyValue;

/** tfjs kernels that are one ONNX operator on floats. An int32 input is computed as float and truncated, as on cpu. */
const floatOperators: Readonly<Record<string, string>> = {
  [tf.Acos]: "Acos",
  [tf.Acosh]: "Acosh",
  [tf.Asin]: "Asin",
  [tf.Asinh]: "Asinh",
  [tf.Atan]: "Atan",
  [tf.Atanh]: "Atanh",
  [tf.Cos]: "Cos",
  [tf.Cosh]: "Cosh",
  [tf.Erf]: "Erf",
  [tf.Log]: "Log",
  [tf.Reciprocal]: "Reciprocal",
  [tf.Sin]: "Sin",
  [tf.Sinh]: "Sinh",
  [tf.Softplus]: "Softplus",
  [tf.Sqrt]: "Sqrt",
  [tf.Tanh]: "Tanh",
};

/** Kernels made of several operators, on floats. */
const floatCompositions: Readonly<Record<string, Unary>> = {
  [tf.Elu]: (graph, x) => graph.elementwise("Elu", [x], x.type, { attributes: { alpha: float(1) } }),
  // In doubles: near 0, float32 would lose digits in the difference and the sum.
  [tf.Expm1]: (graph, x) =>
    graph.hasDoubles ? nearZero(graph, x, (y) => graph.affine(graph.unary("Exp", y), 1, -1)) : expm1InFloats(graph, x),
  [tf.Log1p]: (graph, x) =>
    graph.hasDoubles ? nearZero(graph, x, (y) => graph.unary("Log", graph.affine(y, 1, 1))) : log1pInFloats(graph, x),
  [tf.Relu6]: (graph, x) => graph.clip(x, 0, 6),
  [tf.Rsqrt]: (graph, x) => graph.unary("Reciprocal", graph.unary("Sqrt", x)),
  [tf.Sigmoid]: sigmoid,
  [tf.Selu]: (graph, x) => graph.unary("Selu", x),
  [tf.Tan]: (graph, x) => inDoubles(graph, x, (y) => tangent(graph, y)),
};

/** Kernels whose ONNX operator takes int32 as it is. */
const numberCompositions: Readonly<Record<string, Unary>> = {
  [tf.Ceil]: (graph, x) => whole(graph, "Ceil", x),
  [tf.Floor]: (graph, x) => whole(graph, "Floor", x),
  [tf.Round]: (graph, x) => (x.type === "int32" ? x : graph.round(x)),
  [tf.Abs]: (graph, x) => graph.abs(x),
  [tf.Neg]: (graph, x) => graph.negate(x),
  [tf.Relu]: (graph, x) =>
    x.type === "int32" ? graph.binary("Max", x, graph.scalar(x.type, 0)) : graph.unary("Relu", x),
  // ONNX's Sign keeps NaN; tfjs's returns 0.
  [tf.Sign]: (graph, x) => {
    const zero = graph.scalar(x.type, 0);
    const is = (op: string) => graph.rawCast(graph.binary(op, x, zero, "bool"), x.type);
    return graph.sub(is("Greater"), is("Less"));
  },
  [tf.Square]: (graph, x) => graph.mul(x, x),
};

const predicates: Readonly<Record<string, Unary>> = {
  [tf.IsNan]: (graph, x) => graph.isNaN(x),
  [tf.IsInf]: (graph, x) => graph.isInfinite(x),
  [tf.IsFinite]: (graph, x) =>
    graph.binary("Less", graph.unary("Abs", x), graph.scalar(x.type, Number.POSITIVE_INFINITY), "bool"),
};

/** Unlike the other kernels, returns floats for integers. */
const exp = kernel(
  tf.Exp,
  ({ input, graph }) => {
    const x = input("x");
    return x.type === "float32" ? graph.unary("Exp", x) : inDoubles(graph, x, (y) => graph.unary("Exp", y));
  },
  { takesEmpty: true },
);

const leakyRelu = kernel<tf.LeakyReluAttrs>(tf.LeakyRelu, ({ input, attrs, graph }) => {
  const x = graph.cast(input("x"), "float32");
  return graph.elementwise("LeakyRelu", [x], x.type, { attributes: { alpha: float(attrs.alpha) } });
});

const step = kernel<tf.StepAttrs>(tf.Step, ({ input, attrs, graph }) => {
  const x = input("x");
  const zero = graph.scalar(x.type, 0);
  if (x.type === "bool") {
    return undefined;
  }
  if (x.type === "float32" && attrs.alpha === 0 && graph.runsOnCpu) {
    // ONNX Runtime selects on one thread. The smallest float, 2⁻¹⁴⁹, becomes 2; NaN stays NaN.
    return graph.clip(graph.affine(graph.affine(x, 2 ** 100, 0), 2 ** 50, 0), 0, 1);
  }
  const stepped = graph.where(
    graph.binary("Greater", x, zero, "bool"),
    graph.scalar(x.type, 1),
    graph.scalar(x.type, attrs.alpha),
  );
  // NaN stays NaN.
  return x.type === "float32" ? graph.where(graph.isNaN(x), x, stepped) : stepped;
});

const clipByValue = kernel<tf.ClipByValueAttrs>(tf.ClipByValue, ({ input, attrs, graph }) => {
  const x = input("x");
  if (x.type === "bool") {
    return undefined;
  }
  const { clipValueMin: min, clipValueMax: max } = attrs;
  return x.type === "int32"
    ? graph.clip(x, Math.max(min, -(2 ** 31)), Math.min(max, 2 ** 31 - 1))
    : graph.clip(x, min, max);
});

const logicalNot = kernel(tf.LogicalNot, ({ input, graph }) => graph.not(graph.cast(input("x"), "bool")));

export const unaryKernels: readonly NativeKernel[] = [
  ...Object.entries(floatOperators).map(([name, op]) => floatKernel(name, (graph, x) => graph.unary(op, x))),
  ...Object.entries(floatCompositions).map(([name, compute]) => floatKernel(name, compute)),
  ...Object.entries(numberCompositions).map(([name, compute]) =>
    kernel(
      name,
      ({ input, graph }) => {
        const x = input("x");
        return x.type === "bool" ? undefined : compute(graph, x);
      },
      { takesEmpty: true },
    ),
  ),
  ...Object.entries(predicates).map(([name, compute]) =>
    kernel(name, ({ input, graph }) => {
      const x = input("x");
      // Integers and booleans are all finite.
      return x.type === "float32" ? compute(graph, x) : graph.fill("bool", x.shape, name === tf.IsFinite ? 1 : 0);
    }),
  ),
  exp,
  leakyRelu,
  step,
  clipByValue,
  logicalNot,
];

/**
 * `2 sin²x / sin 2x`, which has all digits of a float near the poles too, where the quotient of a float's sine and cosine
 * has none; ONNX Runtime has neither tangent nor cosine of doubles.
 */
function tangent(graph: GraphBuilder, x: LazyValue): LazyValue {
  const sine = graph.unary("Sin", x);
  const quotient = graph.div(graph.mul(sine, graph.affine(sine, 2, 0)), graph.unary("Sin", graph.affine(x, 2, 0)));
  return graph.where(graph.binary("Equal", x, graph.scalar(x.type, 0), "bool"), x, quotient);
}

/** Below 10⁻⁸ these functions return their argument to float32 precision, where doubles would lose digits. */
function nearZero(graph: GraphBuilder, x: LazyValue, compute: (x: LazyValue) => LazyValue): LazyValue {
  const small = graph.binary("Less", graph.unary("Abs", x), graph.scalar(x.type, 1e-8), "bool");
  return graph.where(small, x, inDoubles(graph, x, compute));
}

function inDoubles(graph: GraphBuilder, x: LazyValue, compute: (x: LazyValue) => LazyValue): LazyValue {
  return graph.cast(compute(graph.cast(x, "float64")), "float32");
}

/** Integers and booleans are computed as floats and truncated, as tfjs's typed arrays store the result. */
function floatKernel(name: string, compute: Unary): NativeKernel {
  return kernel(
    name,
    ({ input, graph }) => {
      const x = input("x");
      const result = compute(graph, graph.cast(x, "float32"));
      return graph.cast(x.type === "bool" ? graph.cast(result, "int32") : result, x.type);
    },
    { takesEmpty: true },
  );
}

function whole(graph: GraphBuilder, op: string, x: LazyValue): LazyValue {
  return x.type === "int32" ? x : graph.unary(op, x);
}
