import type * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";

/** How a filter or a pool slides over the spatial axes; one number for each axis. */
export interface Window {
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly filter: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

type Geometry = Omit<Window, "after">;

export function window2d(info: tf.backend_util.Conv2DInfo): Window {
  return fitted({
    input: [info.inHeight, info.inWidth],
    output: [info.outHeight, info.outWidth],
    filter: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    before: [info.padInfo.top, info.padInfo.left],
  });
}

export function window3d(info: tf.backend_util.Conv3DInfo): Window {
  return fitted({
    input: [info.inDepth, info.inHeight, info.inWidth],
    output: [info.outDepth, info.outHeight, info.outWidth],
    filter: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    before: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
  });
}

/** The attributes of ONNX's convolutions and pools. */
export function windowAttributes(window: Window) {
  return {
    kernel_shape: window.filter,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.before, ...window.after],
  };
}

/** Number of elements past the last window on each axis: the `output_padding` of ONNX's transposed convolutions. */
export function unreached(window: Window): number[] {
  return window.input.map((size, axis) => size + window.before[axis]! + window.after[axis]! - reach(window, axis));
}

/** Every position in the filter, row by row. */
export function filterPlaces(window: Window): number[][] {
  return window.filter.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}

/**
 * The elements of `x` that each filter position sees, over all windows.
 *
 * @param x - `[batch, ...spatial, channels]`.
 * @param fill - Value outside of `x`.
 * @returns `[batch, ...output, channels]` for each position of {@link filterPlaces}.
 */
export function shiftedViews(graph: GraphBuilder, x: LazyValue, window: Window, fill: number): LazyValue[] {
  const [batch, channels] = [x.shape[0]!, x.shape[x.shape.length - 1]!];
  const paddings = window.before.map((before, axis) => [before, window.after[axis]!] as const);
  const padded = graph.pad(x, [[0, 0], ...paddings, [0, 0]], fill);
  const size = [batch, ...window.output, channels];
  const steps = window.strides.every((stride) => stride === 1) ? undefined : [1, ...window.strides, 1];
  return filterPlaces(window).map((place) => {
    const begin = [0, ...place.map((at, axis) => at * window.dilations[axis]!), 0];
    return graph.slice(padded, begin, size, steps);
  });
}

/**
 * The patches of `x`, one row for each window (im2col).
 *
 * Recorded as one gather, which copies whole runs of channels.
 *
 * @param x - `[batch, ...spatial, channels]`.
 * @returns `[batch · output positions, filter positions · channels]`.
 */
export function patches(graph: GraphBuilder, x: LazyValue, window: Window): LazyValue {
  const name = `${[window.output, window.filter, window.strides, window.dilations, window.before].join(" ")}`;
  const known = patchesOf.get(x)?.get(name);
  if (known !== undefined) {
    return known;
  }
  const [rows, columns] = patchesShape(x, window);
  const laidOut = layOut(graph, x, window);
  if (rows * columns <= maxCachedElements) {
    patchesOf.set(x, (patchesOf.get(x) ?? new Map()).set(name, laidOut));
  }
  return laidOut;
}

/** Patches up to 32 MiB are shared by a convolution and its filter's gradient; larger ones are computed twice to save memory. */
const maxCachedElements = 2 ** 23;

/** By input and window. */
const patchesOf = new WeakMap<LazyValue, Map<string, LazyValue>>();

function layOut(graph: GraphBuilder, x: LazyValue, window: Window): LazyValue {
  const [batch, channels] = [x.shape[0]!, x.shape[x.shape.length - 1]!];
  const paddings = window.before.map((before, axis) => [before, window.after[axis]!] as const);
  const padded = graph.pad(x, [[0, 0], ...paddings, [0, 0]], 0);
  const places = padded.shape.slice(1, -1).reduce((product, size) => product * size, 1);
  const { output, filter, strides, dilations } = window;
  const name = `patches ${[padded.shape.slice(1, -1), output, filter, strides, dilations].join(" ")}`;
  const indices = graph.named("int32", name, () => patchIndices(padded.shape.slice(1, -1), window));
  const gathered = graph.gather(graph.reshape(padded, [batch, places, channels]), indices, 1);
  return graph.reshape(gathered, patchesShape(x, window));
}

/** Shape of {@link patches}. */
export function patchesShape(x: LazyValue, { output, filter }: Window): [rows: number, columns: number] {
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  return [x.shape[0]! * product(output), product(filter) * x.shape[x.shape.length - 1]!];
}

/** For every window and filter position, the index of its element in an input of these sizes. */
function patchIndices(sizes: readonly number[], { output, filter, strides, dilations }: Window): Int32Array {
  let numbers = [0];
  const spread = (counts: readonly number[], steps: readonly number[]) => {
    counts.forEach((count, axis) => {
      const run = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
      numbers = numbers.flatMap((base) => Array.from({ length: count }, (_, i) => base + i * steps[axis]! * run));
    });
  };
  spread(output, strides);
  spread(filter, dilations);
  return Int32Array.from(numbers);
}

/** Moves the channels to the front: tfjs has them last, ONNX first. */
export function channelsFirst(graph: GraphBuilder, x: LazyValue): LazyValue {
  const axes = x.shape.map((_, axis) => axis);
  return graph.transpose(x, [0, axes.length - 1, ...axes.slice(1, -1)]);
}

export function channelsLast(graph: GraphBuilder, x: LazyValue): LazyValue {
  const axes = x.shape.map((_, axis) => axis);
  return graph.transpose(x, [0, ...axes.slice(2), 1]);
}

/** Sets the padding at the end to what the last window reaches, which rounding can make less or more than requested. */
function fitted(geometry: Geometry): Window {
  const after = geometry.input.map((size, axis) => Math.max(0, reach(geometry, axis) - size - geometry.before[axis]!));
  return { ...geometry, after };
}

function reach({ output, strides, filter, dilations }: Geometry, axis: number): number {
  return (output[axis]! - 1) * strides[axis]! + (filter[axis]! - 1) * dilations[axis]! + 1;
}
