import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel, type NativeKernel } from "./kernel.js";

interface ReductionAttributes {
  readonly axis?: number | number[];
  /** The name of the axes in the kernel Max. */
  readonly reductionIndices?: number | number[];
  readonly keepDims: boolean;
}

/** Records a reduction; undefined leaves the case to the cpu kernel. */
type Reduction = (
  graph: GraphBuilder,
  x: LazyValue,
  axes: readonly number[],
  keepDims: boolean,
) => LazyValue | undefined;

const reductions: Readonly<Record<string, Reduction>> = {
  [tf.Sum]: (graph, x, axes, keepDims) =>
    graph.reduce("ReduceSum", x.type === "bool" ? graph.cast(x, "int32") : x, axes, keepDims),
  [tf.Mean]: (graph, x, axes, keepDims) => graph.reduce("ReduceMean", graph.cast(x, "float32"), axes, keepDims),
  [tf.Prod]: (graph, x, axes, keepDims) =>
    graph.reduce("ReduceProd", x.type === "bool" ? graph.cast(x, "int32") : x, axes, keepDims),
  [tf.Max]: (graph, x, axes, keepDims) => extremum(graph, "ReduceMax", x, axes, keepDims),
  [tf.Min]: (graph, x, axes, keepDims) => extremum(graph, "ReduceMin", x, axes, keepDims),
  [tf.All]: (graph, x, axes, keepDims) => onBooleans(graph, "ReduceMin", x, axes, keepDims),
  [tf.Any]: (graph, x, axes, keepDims) => onBooleans(graph, "ReduceMax", x, axes, keepDims),
};

export const reductionKernels: readonly NativeKernel[] = [
  ...Object.entries(reductions).map(([name, compute]) =>
    kernel<ReductionAttributes>(name, ({ input, attrs, graph }) => {
      const x = input("x");
      const axes = attrs.axis ?? attrs.reductionIndices;
      return compute(graph, x, tf.util.parseAxisParam(axes as number[], [...x.shape]), attrs.keepDims);
    }),
  ),
  argKernel(tf.ArgMax, "ArgMax", Number.NEGATIVE_INFINITY),
  argKernel(tf.ArgMin, "ArgMin", Number.POSITIVE_INFINITY),
];

function extremum(
  graph: GraphBuilder,
  op: string,
  x: LazyValue,
  axes: readonly number[],
  keepDims: boolean,
): LazyValue | undefined {
  if (x.type === "bool") {
    return onBooleans(graph, op, x, axes, keepDims);
  }
  const found = graph.reduce(op, x, axes, keepDims);
  if (x.type !== "float32" || axes.length === 0) {
    return found;
  }
  // ONNX Runtime ignores NaN; tfjs returns it.
  const undefinedAt = graph.isNaN(x);
  return graph.where(
    onBooleans(graph, "ReduceMax", undefinedAt, axes, keepDims),
    graph.scalar(x.type, Number.NaN),
    found,
  );
}

function onBooleans(graph: GraphBuilder, op: string, x: LazyValue, axes: readonly number[], keepDims: boolean) {
  return graph.cast(graph.reduce(op, graph.cast(graph.cast(x, "bool"), "int32"), axes, keepDims), "bool");
}

/** @param worst - Replaces NaN, which tfjs ignores. */
function argKernel(name: string, op: "ArgMax" | "ArgMin", worst: number): NativeKernel {
  return kernel<tf.ArgMaxAttrs>(name, ({ input, attrs, graph }) => {
    const value = input("x");
    const x = value.type === "bool" ? graph.cast(value, "int32") : value;
    if (x.shape.length === 0) {
      return graph.scalar("int32", 0);
    }
    const axis = tf.util.parseAxisParam(attrs.axis, [...x.shape])[0]!;
    return graph.indexOf(op, withoutNaN(graph, x, worst), axis);
  });
}

function withoutNaN(graph: GraphBuilder, x: LazyValue, replacement: number): LazyValue {
  return x.type === "float32" ? graph.where(graph.isNaN(x), graph.scalar(x.type, replacement), x) : x;
}
