import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { inBlocks } from "./blocked-images.js";
import { type KernelCall, kernel, type NativeKernel } from "./kernel.js";
import {
  maximaWithPlaces,
  type PoolAttributes,
  type PoolGeometry,
  pool2d,
  pool3d,
  poolable,
  withoutNaN,
} from "./pool-windows.js";
import { channelsFirst, channelsLast, type Window, windowAttributes } from "./window.js";

export const poolingKernels: readonly NativeKernel[] = [
  kernel<PoolAttributes>(tf.MaxPool, (call) => maxPool(call, pool2d)),
  kernel<PoolAttributes>(tf.AvgPool, (call) => averagePool(call, pool2d)),
  kernel<PoolAttributes>(tf.MaxPool3D, (call) => maxPool(call, pool3d)),
  kernel<PoolAttributes>(tf.AvgPool3D, (call) => averagePool(call, pool3d)),
  kernel<tf.MaxPoolWithArgmaxAttrs>(tf.MaxPoolWithArgmax, ({ input, attrs, graph }) => {
    const x = input("x");
    const window = pool2d(x.shape, attrs as unknown as PoolAttributes);
    return window === undefined || !poolable(window) || x.type !== "float32"
      ? undefined
      : withArgmax(graph, x, window, attrs.includeBatchInIndex);
  }),
];

function maxPool({ input, attrs, graph }: KernelCall<PoolAttributes>, geometry: PoolGeometry): LazyValue | undefined {
  const x = input("x");
  const window = geometry(x.shape, attrs);
  return window === undefined || x.type === "bool"
    ? undefined
    : (pooledInBlocks(graph, "MaxPool", x, window) ??
        pooled(graph, x, window, geometry, (first) => maxima(graph, withoutNaN(graph, first), window)));
}

function averagePool(
  { input, attrs, graph }: KernelCall<PoolAttributes>,
  geometry: PoolGeometry,
): LazyValue | undefined {
  const x = input("x");
  const window = geometry(x.shape, attrs);
  return window === undefined || x.type === "bool"
    ? undefined
    : (pooledInBlocks(graph, "AveragePool", x, window) ??
        pooled(graph, x, window, geometry, (first) =>
          averages(graph, first, window, geometry === pool2d ? Number.NaN : 0),
        ));
}

/** Pools images in blocks; undefined for others. */
function pooledInBlocks(
  graph: GraphBuilder,
  op: "MaxPool" | "AveragePool",
  x: LazyValue,
  window: Window,
): LazyValue | undefined {
  const isImages = x.shape.length === 4 && window.output.length === 2 && poolable(window);
  const [blocks] = isImages && x.inBlocks ? (inBlocks(graph, [op === "MaxPool" ? withoutNaN(graph, x) : x]) ?? []) : [];
  if (blocks === undefined) {
    return undefined;
  }
  const [batch, channels] = blocks.shape as [number, number];
  const attributes = { ...windowAttributes(window), ...(op === "AveragePool" && { count_include_pad: 0 }) };
  return graph.fromBlocks(graph.blockNode(op, [blocks], [batch, channels, ...window.output], attributes));
}

function maxima(graph: GraphBuilder, x: LazyValue, window: Window): LazyValue {
  return poolable(window)
    ? poolNode(graph, "MaxPool", x, window)
    : poolNode(graph, "MaxPool", paddedFor(graph, x, window, Number.NEGATIVE_INFINITY), withoutPadding(window));
}

/** Averages over the part of each window inside the input; `ofNothing` for windows entirely outside. */
function averages(graph: GraphBuilder, x: LazyValue, window: Window, ofNothing: number): LazyValue {
  if (poolable(window)) {
    return poolNode(graph, "AveragePool", x, window);
  }
  const inside = graph.fill("float32", [1, 1, ...window.input], 1);
  const [sums, shares] = [x, inside].map((values) =>
    poolNode(graph, "AveragePool", paddedFor(graph, values, window, 0), withoutPadding(window)),
  ) as [LazyValue, LazyValue];
  const nothing = graph.binary("Equal", shares, graph.scalar("float32", 0), "bool");
  return graph.where(nothing, graph.scalar("float32", ofNothing), graph.div(sums, shares));
}

function poolNode(graph: GraphBuilder, op: string, x: LazyValue, window: Window): LazyValue {
  const shape = [...x.shape.slice(0, 2), ...window.output];
  const attributes = { ...windowAttributes(window), ...(op === "AveragePool" && { count_include_pad: 0 }) };
  return graph.node(op, [x], x.type, shape, { attributes });
}

/** Pads by concatenation: ONNX Runtime would fuse a Pad into the pool, which then refuses it. */
function paddedFor(graph: GraphBuilder, x: LazyValue, window: Window, value: number): LazyValue {
  const paddings = window.before.map((before, axis) => [before, window.after[axis]!] as const);
  return graph.surround(x, [[0, 0], [0, 0], ...paddings], value);
}

function withoutPadding(window: Window): Window {
  const none = window.filter.map(() => 0);
  return { ...window, before: none, after: none };
}

function withArgmax(graph: GraphBuilder, x: LazyValue, window: Window, includeBatch: boolean): LazyValue[] {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [maxima, places] = maximaWithPlaces(graph, channelsFirst(graph, x), window);
  const attributes = { fmod: 0 };
  const inImage = graph.node("Mod", [places, graph.scalar("int64", height * width)], "int64", places.shape, {
    attributes,
  });
  const channel = graph.reshape(graph.iota("int64", channels), [channels, 1, 1]);
  let index = graph.add(graph.mul(inImage, graph.scalar("int64", channels)), channel);
  if (includeBatch) {
    const image = graph.reshape(graph.iota("int64", batch), [batch, 1, 1, 1]);
    index = graph.add(index, graph.mul(image, graph.scalar("int64", height * width * channels)));
  }
  return [channelsLast(graph, maxima), graph.rawCast(channelsLast(graph, index), "int32")];
}

/** Pools as floats with channels first. For integers, tfjs returns integers in two dimensions and floats in three. */
function pooled(
  graph: GraphBuilder,
  x: LazyValue,
  window: Window,
  geometry: PoolGeometry,
  compute: (first: LazyValue) => LazyValue,
): LazyValue | undefined {
  const type = geometry === pool2d ? x.type : "float32";
  const sameSizes = window.output.every((size, axis) => size === window.input[axis]);
  if (geometry === pool2d && sameSizes && window.filter.every((size) => size === 1)) {
    // With padding and strides this is not pooling by definition, but it is what tfjs does.
    return x;
  }
  if (window.output.some((size) => size <= 0)) {
    const shape = [x.shape[0]!, ...window.output, x.shape[x.shape.length - 1]!];
    return shape.includes(0) ? graph.empty(type, shape) : undefined;
  }
  return graph.cast(channelsLast(graph, compute(channelsFirst(graph, graph.cast(x, "float32")))), type);
}
