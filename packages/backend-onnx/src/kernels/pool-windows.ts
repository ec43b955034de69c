import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { type Window, window2d, window3d, windowAttributes } from "./window.js";

export type PoolAttributes = tf.MaxPoolAttrs | tf.MaxPool3DAttrs;
type Shape4D = [number, number, number, number];
type Shape5D = [number, number, number, number, number];

/** The windows of a pool over an input shape, or undefined where channels come first. */
export type PoolGeometry = (shape: readonly number[], attrs: PoolAttributes) => Window | undefined;

export const pool2d: PoolGeometry = (shape, attrs) => {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as tf.MaxPoolAttrs;
  return window2d(tf.backend_util.computePool2DInfo(shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode));
};

export const pool3d: PoolGeometry = (shape, attrs) => {
  const { filterSize, strides, pad, dimRoundingMode, dataFormat } = attrs as tf.MaxPool3DAttrs;
  return dataFormat === "NCDHW"
    ? undefined
    : window3d(tf.backend_util.computePool3DInfo(shape as Shape5D, filterSize, strides, 1, pad, dimRoundingMode));
};

/** Whether ONNX Runtime can pool: it refuses windows that may lie entirely in the padding, and empty results. */
export function poolable({ filter, before, after, output }: Window): boolean {
  return filter.every((size, axis) => before[axis]! < size && after[axis]! < size && output[axis]! > 0);
}

/** Maxima, and their flat int64 indices into `x` with channels first. */
export function maximaWithPlaces(graph: GraphBuilder, x: LazyValue, window: Window): [LazyValue, LazyValue] {
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

/** Replaces NaN by -Infinity: tfjs ignores NaN in a maximum. */
export function withoutNaN(graph: GraphBuilder, x: LazyValue): LazyValue {
  const undefinedAt = graph.isNaN(x);
  return graph.where(undefinedAt, graph.scalar(x.type, Number.NEGATIVE_INFINITY), x);
}
