import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { blockedConvolve, blockedConvolveBack, blockedFilterGradient } from "./blocked-convolution.js";
import {
  channelsFirst,
  channelsLast,
  patches,
  patchesShape,
  unreached,
  type Window,
  windowAttributes,
} from "./window.js";

/**
 * Convolutions with up to this many patch elements (128 MiB) are computed as one matrix product of their patches, which
 * ONNX Runtime computes twice as fast as its own Conv. Larger ones use Conv, which needs no memory for patches.
 */
const maxPatchElements = 2 ** 25;

/**
 * A convolution over any number of spatial axes.
 *
 * @param x - `[batch, ...input, inChannels]`.
 * @param filter - `[...filter, inChannels, outChannels]`.
 * @param bias - Added to the result; `[outChannels]`.
 * @returns `[batch, ...output, outChannels]`.
 */
export function convolve(
  graph: GraphBuilder,
  x: LazyValue,
  filter: LazyValue,
  window: Window,
  bias?: LazyValue,
): LazyValue {
  const blocked = blockedConvolve(graph, x, filter, window, bias);
  if (blocked !== undefined) {
    return blocked;
  }
  const result = convolvePlainly(graph, x, filter, window);
  return bias === undefined ? result : graph.add(result, bias);
}

function convolvePlainly(graph: GraphBuilder, x: LazyValue, filter: LazyValue, window: Window): LazyValue {
  const [batch, outChannels] = [x.shape[0]!, filter.shape[filter.shape.length - 1]!];
  if (isPointwise(window)) {
    const product = graph.matMul(rowsOf(graph, x), matrixOf(graph, filter));
    return graph.reshape(product, [batch, ...window.output, outChannels]);
  }
  if (fits(x, window)) {
    const product = graph.matMul(patches(graph, x, window), flattened(graph, filter));
    return graph.reshape(product, [batch, ...window.output, outChannels]);
  }
  const result = graph.node(
    "Conv",
    [channelsFirst(graph, x), filterFirst(graph, filter)],
    x.type,
    [batch, outChannels, ...window.output],
    { attributes: windowAttributes(window) },
  );
  return channelsLast(graph, result);
}

/**
 * The gradient of a convolution with respect to its input: a transposed convolution.
 *
 * @param dy - `[batch, ...output, outChannels]`.
 * @returns `[batch, ...input, inChannels]`.
 */
export function convolveBack(graph: GraphBuilder, dy: LazyValue, filter: LazyValue, window: Window): LazyValue {
  const [inChannels, outChannels] = filter.shape.slice(-2) as [number, number];
  const batch = dy.shape[0]!;
  // tfjs accepts a gradient larger than the convolution's output, and uses its first rows and columns.
  const size = [batch, ...window.output, outChannels];
  const read = graph.slice(
    dy,
    size.map(() => 0),
    size,
  );
  const blocked = blockedConvolveBack(graph, read, filter, window);
  if (blocked !== undefined) {
    return blocked;
  }
  if (isPointwise(window)) {
    const product = graph.matMul(rowsOf(graph, read), matrixOf(graph, filter), false, true);
    return graph.reshape(product, [batch, ...window.input, inChannels]);
  }
  const mirrored = mirror(window);
  if (mirrored !== undefined && fits(read, mirrored)) {
    const product = graph.matMul(patches(graph, read, mirrored), turned(graph, filter));
    return graph.reshape(product, [batch, ...window.input, inChannels]);
  }
  const result = graph.node(
    "ConvTranspose",
    [channelsFirst(graph, read), filterFirst(graph, filter)],
    dy.type,
    [batch, inChannels, ...window.input],
    { attributes: { ...windowAttributes(window), output_padding: unreached(window) } },
  );
  return channelsLast(graph, result);
}

/**
 * The gradient of a convolution with respect to its filter: the transposed patches of the input times the gradient. One
 * product, without a change of layout.
 */
export function filterGradient(graph: GraphBuilder, x: LazyValue, dy: LazyValue, window: Window): LazyValue {
  const blocked = blockedFilterGradient(graph, x, dy, window);
  if (blocked !== undefined) {
    return blocked;
  }
  const [inChannels, outChannels] = [x.shape[x.shape.length - 1]!, dy.shape[dy.shape.length - 1]!];
  const rows = isPointwise(window) ? rowsOf(graph, x) : patches(graph, x, window);
  const gradient = graph.matMul(rows, rowsOf(graph, dy), true, false);
  return graph.reshape(gradient, [...window.filter, inChannels, outChannels]);
}

function isPointwise({ filter, strides, before, after }: Window): boolean {
  return [...filter, ...strides].every((size) => size === 1) && [...before, ...after].every((size) => size === 0);
}

function fits(x: LazyValue, window: Window): boolean {
  const [rows, columns] = patchesShape(x, window);
  return rows * columns <= maxPatchElements;
}

/** The window with which the gradient of a convolution is itself a convolution; undefined unless every stride is 1. */
function mirror({ input, output, filter, strides, dilations, before }: Window): Window | undefined {
  const reach = filter.map((size, axis) => (size - 1) * dilations[axis]!);
  const mirroredBefore = reach.map((steps, axis) => steps - before[axis]!);
  const after = reach.map((steps, axis) => input[axis]! - output[axis]! + steps - mirroredBefore[axis]!);
  const possible = strides.every((stride) => stride === 1) && [...mirroredBefore, ...after].every((size) => size >= 0);
  return possible
    ? { input: output, output: input, filter, strides, dilations, before: mirroredBefore, after }
    : undefined;
}

/** `[filter positions · inChannels, outChannels]`. */
function flattened(graph: GraphBuilder, filter: LazyValue): LazyValue {
  const outChannels = filter.shape[filter.shape.length - 1]!;
  return graph.reshape(filter, [filter.size / outChannels, outChannels]);
}

/** The filter of the mirrored convolution, positions reversed: `[filter positions · outChannels, inChannels]`. */
function turned(graph: GraphBuilder, filter: LazyValue): LazyValue {
  const [inChannels, outChannels] = filter.shape.slice(-2) as [number, number];
  const places = graph.reshape(filter, [filter.size / (inChannels * outChannels), inChannels, outChannels]);
  const swapped = graph.transpose(graph.reverse(places, [0]), [0, 2, 1]);
  return graph.reshape(swapped, [filter.size / inChannels, inChannels]);
}

/** `[outChannels, inChannels, ...filter]`. */
function filterFirst(graph: GraphBuilder, filter: LazyValue): LazyValue {
  const axes = filter.shape.map((_, axis) => axis);
  return graph.transpose(filter, [axes.length - 1, axes.length - 2, ...axes.slice(0, -2)]);
}

function matrixOf(graph: GraphBuilder, filter: LazyValue): LazyValue {
  return graph.reshape(filter, filter.shape.slice(-2));
}

function rowsOf(graph: GraphBuilder, x: LazyValue): LazyValue {
  const channels = x.shape[x.shape.length - 1]!;
  return graph.reshape(x, [x.size / channels, channels]);
}
