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

/** ONNX has no running product: it takes as many products as the length has binary digits. */
const cumprod = kernel<tf.CumprodAttrs>(tf.Cumprod, ({ input, attrs, graph }) => {
  const x = numbers(graph, input("x"));
  const axis = tf.util.parseAxisParam(attrs.axis, [...x.shape])[0]!;
  const length = x.shape[axis]!;
  const turned = attrs.reverse ? graph.reverse(x, [axis]) : x;
  let product = attrs.exclusive ? shifted(graph, turned, axis, 1) : turned;
  for (let distance = 1; distance < length; distance *= 2) {
    product = graph.mul(product, shifted(graph, product, axis, distance));
  }
  return attrs.reverse ? graph.reverse(product, [axis]) : product;
});

export const scanKernels: readonly NativeKernel[] = [cumsum, cumprod];

function numbers(graph: GraphBuilder, x: LazyValue): LazyValue {
  return x.type === "bool" ? graph.cast(x, "int32") : x;
}

/** `x` moved towards the end, with ones coming in. */
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
