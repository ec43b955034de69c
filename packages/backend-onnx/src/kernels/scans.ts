import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel, type NativeKernel } from "./kernel.js";

const cumsum = kernel<tf.CumsumAttrs>(tf.Cumsum, ({ input, attrs, graph }) => {
  const x = numbers(graph, input("x"));
  const axis = tf.util.parseAxisParam(attrs.axis, [...x.shape])[0]!;
  return graph.node("CumSum", [x, graph.scalar("int64", axis)], x.type, x.shape, {
    attributes: { exclusive: attrs.exclusive ? 1 : 0, reverse: attrs.reverse ? 1 : 0 },
  });
});

/** ONNX has no cumulative product: it is recorded as log2(length) products. */
const cumprod = kernel<tf.CumprodAttrs>(tf.Cumprod, ({ input, attrs, graph }) => {
  const x = numbers(graph, input("x"));
  const axis = tf.util.parseAxisParam(attrs.axis, [...x.shape])[0]!;
  const turned = attrs.reverse ? graph.reverse(x, [axis]) : x;
  const factors = attrs.exclusive ? shifted(graph, turned, axis, 1) : turned;
  const product = x.type === "int32" ? doubling(graph, factors, axis) : floatProduct(graph, factors, axis);
  return attrs.reverse ? graph.reverse(product, [axis]) : product;
});

export const scanKernels: readonly NativeKernel[] = [cumsum, cumprod];

/**
 * Computes in doubles, so that no partial product overflows where the final one does not. After a zero the product is 0,
 * unless a factor is not finite.
 */
function floatProduct(graph: GraphBuilder, factors: LazyValue, axis: number): LazyValue {
  const product = graph.cast(doubling(graph, graph.cast(factors, "float64"), axis), "float32");
  const zero = graph.binary("Equal", factors, graph.scalar(factors.type, 0), "bool");
  const infinity = graph.scalar(factors.type, Number.POSITIVE_INFINITY);
  const finite = graph.binary("Less", graph.unary("Abs", factors), infinity, "bool");
  const vanished = graph.binary(
    "And",
    seen(graph, zero, axis),
    graph.not(seen(graph, graph.not(finite), axis)),
    "bool",
  );
  return graph.where(vanished, graph.scalar(factors.type, 0), product);
}

/** Doubles the number of multiplied neighbors in each step. */
function doubling(graph: GraphBuilder, factors: LazyValue, axis: number): LazyValue {
  let product = factors;
  for (let distance = 1; distance < factors.shape[axis]!; distance *= 2) {
    product = graph.mul(product, shifted(graph, product, axis, distance));
  }
  return product;
}

/** Whether `x` is true here or earlier on the axis. */
function seen(graph: GraphBuilder, x: LazyValue, axis: number): LazyValue {
  const count = graph.node("CumSum", [graph.cast(x, "int32"), graph.scalar("int64", axis)], "int32", x.shape);
  return graph.binary("Greater", count, graph.scalar("int32", 0), "bool");
}

function numbers(graph: GraphBuilder, x: LazyValue): LazyValue {
  return x.type === "bool" ? graph.cast(x, "int32") : x;
}

/** Shifts `x` toward the end and fills with ones. */
function shifted(graph: GraphBuilder, x: LazyValue, axis: number, distance: number): LazyValue {
  const size = x.shape.map((length, i) => (i === axis ? length - distance : length));
  const kept = graph.slice(
    x,
    size.map(() => 0),
    size,
  );
  return graph.pad(
    kept,
    size.map((_, i) => [i === axis ? distance : 0, 0] as const),
    1,
  );
}
