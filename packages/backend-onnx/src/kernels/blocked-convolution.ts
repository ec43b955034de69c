import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { blocksFor, turnedAt, turnedWeights, weightsInBlocks } from "./blocked-weights.js";
import { phasesOf } from "./convolution-phases.js";
import type { Window } from "./window.js";

/**
 * Two-dimensional convolutions in blocks of channels (see {@link BlockBuilder}), with their gradients as convolutions of
 * the same kind. Each returns undefined where it does not apply: the caller then records another form.
 */

/**
 * A convolution, plus `bias` if there is one.
 *
 * @param x - `[batch, ...input, inChannels]`.
 * @param filter - `[...filter, inChannels, outChannels]`.
 * @returns `[batch, ...output, outChannels]`.
 */
export function blockedConvolve(
  graph: GraphBuilder,
  x: LazyValue,
  filter: LazyValue,
  window: Window,
  bias?: LazyValue,
): LazyValue | undefined {
  const block = blockSizeFor(graph, x, window);
  const outChannels = filter.shape[3]!;
  if (block === undefined || (isSingle(window) && !(x.inBlocks && outChannels % block === 0))) {
    return undefined;
  }
  const images = imagesInBlocks(graph, x, block);
  const inputs = [images, weightsInBlocks(graph, filter, block)];
  if (bias !== undefined) {
    inputs.push(graph.padTo(bias, [blocksFor(outChannels, block)]));
  }
  const result = convolution(graph, inputs, window.output, {
    kernel_shape: window.filter,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.before, ...window.after],
  });
  return imagesOf(graph, result, outChannels);
}

/**
 * The gradient of a convolution by its input: for each remainder of the input's positions by the strides, a convolution
 * of the gradient with every so many-th row and column of the filter.
 *
 * @param dy - `[batch, ...output, outChannels]`.
 * @returns `[batch, ...input, inChannels]`.
 */
export function blockedConvolveBack(
  graph: GraphBuilder,
  dy: LazyValue,
  filter: LazyValue,
  window: Window,
): LazyValue | undefined {
  const block = blockSizeFor(graph, dy, window);
  const inChannels = filter.shape[2]!;
  const phases = [0, 1].map((axis) => phasesOf(window, axis));
  if (
    block === undefined ||
    phases[0] === undefined ||
    phases[1] === undefined ||
    (isSingle(window) && !(dy.inBlocks && inChannels % block === 0))
  ) {
    return undefined;
  }
  const images = imagesInBlocks(graph, dy, block);
  const turned = turnedWeights(graph, filter, block);
  const sides = window.input.map((size, axis) => size / window.strides[axis]!);
  const results = phases[0].map((row) =>
    phases[1]!.map((column) => {
      const taps = row.taps.flatMap((y) => column.taps.map((x) => y * window.filter[1]! + x));
      const size = [row.taps.length, column.taps.length];
      return convolution(graph, [images, turnedAt(graph, turned, taps, size)], sides, {
        kernel_shape: size,
        strides: [1, 1],
        dilations: [1, 1],
        pads: [row.before, column.before, row.after, column.after],
      });
    }),
  );
  return imagesOf(graph, interleaved(graph, results, block), inChannels);
}

/**
 * The gradient of a convolution by its filter: a convolution in which the input's channels are the images, the images
 * are the channels, and the gradient is the filter.
 *
 * @param x - `[batch, ...input, inChannels]`.
 * @param dy - `[batch, ...output, outChannels]`.
 * @returns `[...filter, inChannels, outChannels]`.
 */
export function blockedFilterGradient(
  graph: GraphBuilder,
  x: LazyValue,
  dy: LazyValue,
  window: Window,
): LazyValue | undefined {
  const block = blockSizeFor(graph, x, window);
  const [batch, outChannels] = [x.shape[0]!, dy.shape[3]!];
  if (block === undefined || isSingle(window) || batch < block) {
    return undefined;
  }
  const [height, width] = window.output as [number, number];
  const images = blocksFor(batch, block);
  const byChannel = channelsAsImages(graph, x, window, { images, block });
  const gradient = gradientAsFilter(graph, dy, { images, block });
  const result = convolution(graph, [byChannel, gradient], window.filter, {
    kernel_shape: [height, width],
    strides: [1, 1],
    dilations: window.strides,
    pads: [0, 0, 0, 0],
  });
  // [inChannels, filter height, filter width, outChannels]
  return graph.transpose(graph.outOfBlocks(result, outChannels, true), [1, 2, 0, 3]);
}

interface BatchBlocks {
  /** Number of images in whole blocks. */
  readonly images: number;
  readonly block: number;
}

/** The input as one image for each channel with one channel for each image, padded: `[inChannels, images, …]`. */
function channelsAsImages(graph: GraphBuilder, x: LazyValue, window: Window, { images, block }: BatchBlocks) {
  const [, height, width, channels] = x.shape as [number, number, number, number];
  const byImage =
    x.blocked === undefined ? graph.transpose(x, [0, 3, 1, 2]) : graph.outOfBlocks(x.blocked, channels, false);
  const whole = graph.padTo(byImage, [images, channels, height, width]);
  const asChannels = graph.toBlocks(graph.reshape(whole, [1, images, channels, height * width]), false);
  const grouped = graph.reshape(asChannels, [images / block, channels, height * width * block]);
  const byChannel = graph.transpose(grouped, [1, 0, 2]);
  // What the windows reach, which may be more or less than the input.
  const [rows, columns] = window.output.map(
    (size, axis) => (size - 1) * window.strides[axis]! + window.filter[axis]!,
  ) as [number, number];
  const [above, left] = window.before as [number, number];
  const [below, right] = [rows - above - height, columns - left - width];
  const planes = graph.reshape(byChannel, [channels * images, height, width]);
  return graph.reshape(framed(graph, planes, [above, left, below, right]), [channels, images, rows, columns]);
}

/** The gradient as a filter with one input channel for each image: `[outChannels, images, height, width]` in blocks. */
function gradientAsFilter(graph: GraphBuilder, dy: LazyValue, { images, block }: BatchBlocks): LazyValue {
  const [batch, height, width, channels] = dy.shape as [number, number, number, number];
  const outChannels = blocksFor(channels, block);
  const padded = graph.padTo(dy, [batch, height, width, outChannels]);
  const whole = graph.padTo(graph.blocksOf(padded), [images, outChannels, height, width]);
  // Each run of b floats counts as a block of channels, each image of a block as a place.
  const elements = outChannels * height * width;
  const grouped = graph.toBlocks(graph.reshape(whole, [images / block, block, 1, elements]), true);
  const parts = graph.reshape(grouped, [images / block, outChannels / block, height * width * block * block]);
  return graph.reshape(graph.transpose(parts, [1, 0, 2]), [outChannels, images, height, width]);
}

/** Undefined where images of floats are not recorded in blocks. */
function blockSizeFor(graph: GraphBuilder, x: LazyValue, window: Window): number | undefined {
  return x.type === "float32" && window.filter.length === 2 ? graph.blockSize : undefined;
}

/** Whether the filter has one place: such convolutions are matrix products too. */
function isSingle({ filter }: Window): boolean {
  return filter.every((size) => size === 1);
}

function convolution(
  graph: GraphBuilder,
  inputs: readonly LazyValue[],
  output: readonly number[],
  attributes: Readonly<Record<string, readonly number[]>>,
): LazyValue {
  const shape = [inputs[0]!.shape[0]!, inputs[1]!.shape[0]!, ...output];
  return graph.blockNode("Conv", inputs, shape, { ...attributes, group: 1 });
}

/** `[batch, height, width, channels]` of blocks that may have more channels. */
function imagesOf(graph: GraphBuilder, blocked: LazyValue, channels: number): LazyValue {
  return blocked.shape[1] === channels ? graph.fromBlocks(blocked) : graph.outOfBlocks(blocked, channels, true);
}

/** Images as the blocked convolution takes them: fewer channels than a block stay as they are, channels first. */
function imagesInBlocks(graph: GraphBuilder, x: LazyValue, block: number): LazyValue {
  const channels = x.shape[3]!;
  if (channels < block) {
    return graph.transpose(x, [0, 3, 1, 2]);
  }
  return graph.blocksOf(graph.padTo(x, [...x.shape.slice(0, 3), blocksFor(channels, block)]));
}

/** Rows and columns of images in turn: `[row][column]` of `[batch, channels, height, width]` in blocks. */
function interleaved(graph: GraphBuilder, images: readonly (readonly LazyValue[])[], block: number): LazyValue {
  const [batch, channels, height, width] = images[0]![0]!.shape as [number, number, number, number];
  const lines = (batch * channels * height) / block;
  const [rows, columns] = [images.length, images[0]!.length];
  const joined = images.map((row) => {
    const runs = row.map((image) => graph.reshape(image, [lines * width, block]));
    return graph.reshape(graph.concat(runs, 1), [lines, width * columns * block]);
  });
  return graph.reshape(graph.concat(joined, 1), [batch, channels, height * rows, width * columns]);
}

/** Blocks `[channels, height, width]` with zeros above, left, below and right; a negative number takes lines away. */
function framed(graph: GraphBuilder, planes: LazyValue, frame: readonly [number, number, number, number]): LazyValue {
  const [channels, height, width] = planes.shape as [number, number, number];
  const [above, left, below, right] = frame;
  const shape = [1, channels, above + height + below, left + width + right];
  if (frame.some((lines) => lines > 0) && frame.every((lines) => lines >= 0)) {
    // A convolution of one place copies on all threads, ONNX Runtime's own operator on one.
    const inputs = [graph.reshape(planes, [1, channels, height, width]), graph.fill("float32", [channels, 1, 1, 1], 1)];
    return graph.separately(inputs, [1, 1], shape, frame);
  }
  const block = graph.blockSize!;
  const lines = graph.reshape(planes, [channels / block, height, width * block]);
  return padOrCrop(graph, lines, [
    [0, 0],
    [above, below],
    [left * block, right * block],
  ]);
}

/** Pads with zeros; a negative amount takes elements away. */
function padOrCrop(graph: GraphBuilder, x: LazyValue, amounts: readonly (readonly [number, number])[]): LazyValue {
  const begin = amounts.map(([before]) => Math.max(0, -before));
  const size = x.shape.map((length, axis) => length - begin[axis]! - Math.max(0, -amounts[axis]![1]));
  const positive = amounts.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const);
  return graph.pad(graph.slice(x, begin, size), positive, 0);
}
