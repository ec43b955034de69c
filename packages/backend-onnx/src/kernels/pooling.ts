import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { type KernelCall, kernel, type NativeKernel } from "./kernel.js";
import { channelsFirst, channelsLast, unreached, type Window, window2d, window3d, windowAttributes } from "./window.js";

type Attributes = tf.MaxPoolAttrs | tf.MaxPool3DAttrs;
type Shape4D = [number, number, number, number];
type Shape5D = [number, number, number, number, number];

/** The most negative number of float32, with which ONNX Runtime begins its search for a maximum. */
const lowest = -3.4028234663852886e38;

/** The windows of a pool over an input shape, or null where channels come first. */
type Geometry = (shape: readonly number[], attrs: Attributes) => Window | null;

export const poolingKernels: readonly NativeKernel[] = [
  kernel<Attributes>(tf.MaxPool, (call) => maxPool(call, pool2d)),
  kernel<Attributes>(tf.AvgPool, (call) => averagePool(call, pool2d)),
  kernel<Attributes>(tf.MaxPoolGrad, (call) => maxPoolGrad(call, pool2d)),
  kernel<Attributes>(tf.AvgPoolGrad, (call) => averagePoolGrad(call, pool2d)),
  kernel<Attributes>(tf.MaxPool3D, (call) => maxPool(call, pool3d)),
  kernel<Attributes>(tf.AvgPool3D, (call) => averagePool(call, pool3d)),
  kernel<Attributes>(tf.MaxPool3DGrad, (call) => maxPoolGrad(call, pool3d)),
  kernel<Attributes>(tf.AvgPool3DGrad, (call) => averagePoolGrad(call, pool3d)),
  kernel<tf.MaxPoolWithArgmaxAttrs>(tf.MaxPoolWithArgmax, ({ input, attrs, graph }) => {
    const x = input("x");
    const window = pool2d(x.shape, attrs as unknown as Attributes);
    return window === null || x.type !== "float32" ? null : withArgmax(graph, x, window, attrs.includeBatchInIndex);
  }),
];

const pool2d: Geometry = (shape, attrs) => {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as tf.MaxPoolAttrs;
  return window2d(tf.backend_util.computePool2DInfo(shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode));
};

const pool3d: Geometry = (shape, attrs) => {
  const { filterSize, strides, pad, dimRoundingMode, dataFormat } = attrs as tf.MaxPool3DAttrs;
  return dataFormat === "NCDHW"
    ? null
    : window3d(tf.backend_util.computePool3DInfo(shape as Shape5D, filterSize, strides, 1, pad, dimRoundingMode));
};

/** ONNX Runtime refuses windows that may lie in the padding as a whole. */
function poolable(window: Window): boolean {
  return window.filter.every((size, axis) => window.before[axis]! < size && window.after[axis]! < size);
}

function maxPool({ input, attrs, graph }: KernelCall<Attributes>, geometry: Geometry): LazyValue | null {
  const x = input("x");
  const window = geometry(x.shape, attrs);
  return window === null || x.type === "bool"
    ? null
    : pooled(graph, x, window, geometry, (first) => maxima(graph, withoutNaN(graph, first), window));
}

function averagePool({ input, attrs, graph }: KernelCall<Attributes>, geometry: Geometry): LazyValue | null {
  const x = input("x");
  const window = geometry(x.shape, attrs);
  return window === null || x.type === "bool"
    ? null
    : pooled(graph, x, window, geometry, (first) =>
        averages(graph, first, window, geometry === pool2d ? Number.NaN : 0),
      );
}

function maxima(graph: GraphBuilder, x: LazyValue, window: Window): LazyValue {
  return poolable(window)
    ? poolNode(graph, "MaxPool", x, window)
    : poolNode(graph, "MaxPool", paddedFor(graph, x, window, Number.NEGATIVE_INFINITY), withoutPadding(window));
}

/** Averages of what of each window lies inside; `ofNothing` where nothing does. */
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

/** Pads by joining: a Pad ONNX Runtime would take into the pool, which then refuses it. */
function paddedFor(graph: GraphBuilder, x: LazyValue, window: Window, value: number): LazyValue {
  return window.before.reduce((padded, before, i) => {
    const axis = i + 2;
    const edge = (size: number) => {
      const shape = padded.shape.map((length, at) => (at === axis ? size : length));
      return size === 0 ? [] : [graph.fill(x.type, shape, value)];
    };
    return graph.concat([...edge(before), padded, ...edge(window.after[i]!)], axis);
  }, x);
}

function withoutPadding(window: Window): Window {
  const none = window.filter.map(() => 0);
  return { ...window, before: none, after: none };
}

/** Every gradient goes to where its window had its maximum, the first of equals. */
function maxPoolGrad({ input, attrs, graph }: KernelCall<Attributes>, geometry: Geometry): LazyValue | null {
  const [dy, x] = [input("dy"), input("input")];
  const window = geometry(x.shape, attrs);
  if (window === null || !poolable(window) || x.type !== "float32" || dy.type !== "float32") {
    return null;
  }
  const first = channelsFirst(graph, x);
  const [maxima, places] = maximaWithPlaces(graph, first, window);
  // A window without any number has no maximum: one place too many takes its gradient and is cut off.
  const nowhere = graph.binary("LessOrEqual", maxima, graph.scalar(x.type, lowest), "bool");
  const targets = graph.where(nowhere, graph.scalar("int64", x.size), places);
  const sums = graph.node(
    "ScatterElements",
    [
      graph.fill("float32", [x.size + 1], 0),
      graph.reshape(targets, [places.size]),
      graph.reshape(channelsFirst(graph, dy), [places.size]),
    ],
    "float32",
    [x.size + 1],
    { attributes: { axis: 0, reduction: "add" } },
  );
  return channelsLast(graph, graph.reshape(graph.slice(sums, [0], [x.size]), first.shape));
}

/** Every gradient is spread evenly over its window; what falls into the padding is lost, as on cpu. */
function averagePoolGrad({ input, attrs, graph }: KernelCall<Attributes>, geometry: Geometry): LazyValue | null {
  const [dy, x] = [input("dy"), input("input")];
  const window = geometry(x.shape, attrs);
  if (window === null || !poolable(window) || dy.type !== "float32") {
    return null;
  }
  const first = channelsFirst(graph, dy);
  const [batch, channels] = first.shape as [number, number];
  const size = window.filter.reduce((product, length) => product * length, 1);
  const images = graph.reshape(first, [batch * channels, 1, ...window.output]);
  const share = graph.fill("float32", [1, 1, ...window.filter], 1 / size);
  const spread = graph.node("ConvTranspose", [images, share], dy.type, [batch * channels, 1, ...window.input], {
    attributes: { ...windowAttributes(window), output_padding: unreached(window) },
  });
  return channelsLast(graph, graph.reshape(spread, [batch, channels, ...window.input]));
}

function withArgmax(graph: GraphBuilder, x: LazyValue, window: Window, includeBatch: boolean): LazyValue[] {
  const [batch, height, width, channels] = x.shape as Shape4D;
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

/** Maxima, and where they were as places in all of `x`, channels first, as int64. */
function maximaWithPlaces(graph: GraphBuilder, x: LazyValue, window: Window): [LazyValue, LazyValue] {
  const shape = [...x.shape.slice(0, 2), ...window.output];
  return graph.nodes(
    "MaxPool",
    [withoutNaN(graph, x)],
    [
      { type: x.type, shape },
      { type: "int64", shape },
    ],
    { attributes: windowAttributes(window) },
  ) as [LazyValue, LazyValue];
}

/** ONNX Runtime pools floats, channels first. tfjs makes integers of integers in two dimensions, floats in three. */
function pooled(
  graph: GraphBuilder,
  x: LazyValue,
  window: Window,
  geometry: Geometry,
  compute: (first: LazyValue) => LazyValue,
): LazyValue | null {
  const type = geometry === pool2d ? x.type : "float32";
  const sameSizes = window.output.every((size, axis) => size === window.input[axis]);
  if (geometry === pool2d && sameSizes && window.filter.every((size) => size === 1)) {
    // With padding and strides this is not what pooling means, but what tfjs does.
    return x;
  }
  if (window.output.some((size) => size <= 0)) {
    const shape = [x.shape[0]!, ...window.output, x.shape[x.shape.length - 1]!];
    return shape.includes(0) ? graph.empty(type, shape) : null;
  }
  return graph.cast(channelsLast(graph, compute(channelsFirst(graph, graph.cast(x, "float32")))), type);
}

/** tfjs passes over NaN in search of a maximum. */
function withoutNaN(graph: GraphBuilder, x: LazyValue): LazyValue {
  const undefinedAt = graph.node("IsNaN", [x], "bool", x.shape);
  return graph.where(undefinedAt, graph.scalar(x.type, Number.NEGATIVE_INFINITY), x);
}
