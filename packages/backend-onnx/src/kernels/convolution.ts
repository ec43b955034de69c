import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { activate } from "./activation.js";
import { kernel, type NativeKernel } from "./kernel.js";

type ConvInfo = tf.backend_util.Conv2DInfo;

/** tfjs keeps channels last, ONNX wants them first. */
const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];

const conv2d = kernel<tf.Conv2DAttrs>(tf.Conv2D, ({ input, attrs, graph }) => {
  const [x, filter] = [input("x"), input("filter")];
  const info = convInfo(x.shape, filter.shape, attrs);
  return info === null ? null : convolve(graph, x, filter, info);
});

const fusedConv2d = kernel<tf.FusedConv2DAttrs>(tf.FusedConv2D, ({ input, optional, attrs, graph }) => {
  const [x, filter] = [input("x"), input("filter")];
  const info = convInfo(x.shape, filter.shape, attrs);
  if (info === null) {
    return null;
  }
  const result = convolve(graph, x, filter, info);
  const bias = optional("bias");
  const biased = bias === null ? result : graph.add(result, bias);
  return activate(graph, biased, attrs.activation, optional("preluActivationWeights"), attrs.leakyreluAlpha);
});

/** The gradient of a convolution by its input, which is what a transposed convolution is. */
const conv2dBackpropInput = kernel<tf.Conv2DBackpropInputAttrs>(tf.Conv2DBackpropInput, ({ input, attrs, graph }) => {
  const [dy, filter] = [input("dy"), input("filter")];
  const info = convInfo(attrs.inputShape, filter.shape, { ...attrs, dilations: 1 });
  return info === null ? null : convolveBack(graph, dy, filter, info);
});

const conv2dBackpropFilter = kernel<tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  ({ input, attrs, graph }) => {
    const [x, dy] = [input("x"), input("dy")];
    const info = convInfo(x.shape, attrs.filterShape, { ...attrs, dilations: 1 });
    return info === null ? null : filterGradient(graph, x, dy, info);
  },
);

export const convolutionKernels: readonly NativeKernel[] = [
  conv2d,
  fusedConv2d,
  conv2dBackpropInput,
  conv2dBackpropFilter,
];

function convInfo(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Pick<tf.Conv2DAttrs, "strides" | "pad" | "dataFormat" | "dilations" | "dimRoundingMode">,
): ConvInfo | null {
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides,
    attrs.dilations,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(attrs.dataFormat),
  );
  return info.dataFormat === "channelsLast" && info.outHeight > 0 && info.outWidth > 0 ? info : null;
}

function convolve(graph: GraphBuilder, x: LazyValue, filter: LazyValue, info: ConvInfo): LazyValue {
  if (isPointwise(info)) {
    const weights = graph.reshape(filter, [info.inChannels, info.outChannels]);
    return graph.reshape(graph.matMul(rowsOf(graph, x), weights), info.outShape);
  }
  const { batchSize, outChannels, outHeight, outWidth } = info;
  const result = graph.node(
    "Conv",
    [graph.transpose(x, toChannelsFirst), graph.transpose(filter, [3, 2, 0, 1])],
    x.type,
    [batchSize, outChannels, outHeight, outWidth],
    { attributes: window(info) },
  );
  return graph.transpose(result, toChannelsLast);
}

function convolveBack(graph: GraphBuilder, dy: LazyValue, filter: LazyValue, info: ConvInfo): LazyValue {
  if (isPointwise(info)) {
    const weights = graph.reshape(filter, [info.inChannels, info.outChannels]);
    return graph.reshape(graph.matMul(rowsOf(graph, dy), weights, false, true), info.inShape);
  }
  const { batchSize, inChannels, inHeight, inWidth, padInfo } = info;
  // tfjs takes a larger gradient than the convolution would give, and reads its first rows and columns.
  const read = graph.slice(dy, [0, 0, 0, 0], info.outShape);
  const rest = (size: number, out: number, stride: number, filterSize: number, before: number, after: number) =>
    size - ((out - 1) * stride + filterSize - before - after);
  const outputPadding = [
    rest(inHeight, info.outHeight, info.strideHeight, info.effectiveFilterHeight, padInfo.top, padInfo.bottom),
    rest(inWidth, info.outWidth, info.strideWidth, info.effectiveFilterWidth, padInfo.left, padInfo.right),
  ];
  const result = graph.node(
    "ConvTranspose",
    [graph.transpose(read, toChannelsFirst), graph.transpose(filter, [3, 2, 0, 1])],
    dy.type,
    [batchSize, inChannels, inHeight, inWidth],
    { attributes: { ...window(info), output_padding: outputPadding } },
  );
  return graph.transpose(result, toChannelsLast);
}

/** The patches of the input, laid out as rows, times the gradient: one product, and no change of layout. */
function filterGradient(graph: GraphBuilder, x: LazyValue, dy: LazyValue, info: ConvInfo): LazyValue {
  const rows = info.batchSize * info.outHeight * info.outWidth;
  const patches = isPointwise(info)
    ? rowsOf(graph, x)
    : graph.reshape(imageToColumns(graph, x, info), [rows, info.filterHeight * info.filterWidth * info.inChannels]);
  const gradient = graph.matMul(patches, graph.reshape(dy, [rows, info.outChannels]), true, false);
  return graph.reshape(gradient, info.filterShape);
}

/** `[batch, outHeight, outWidth, filterHeight · filterWidth · channels]`. */
function imageToColumns(graph: GraphBuilder, x: LazyValue, info: ConvInfo): LazyValue {
  const { padInfo, strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  const padded = graph.pad(
    x,
    [
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
      [0, 0],
    ],
    0,
  );
  const size = [info.batchSize, info.outHeight, info.outWidth, info.inChannels];
  const steps = strideHeight === 1 && strideWidth === 1 ? undefined : [1, strideHeight, strideWidth, 1];
  const shifted: LazyValue[] = [];
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      shifted.push(graph.slice(padded, [0, row * dilationHeight, column * dilationWidth, 0], size, steps));
    }
  }
  return graph.concat(shifted, 3);
}

function window(info: ConvInfo) {
  const { top, left, bottom, right } = info.padInfo;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
  };
}

function isPointwise(info: ConvInfo): boolean {
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const padded = padInfo.top + padInfo.bottom + padInfo.left + padInfo.right > 0;
  return filterHeight === 1 && filterWidth === 1 && strideHeight === 1 && strideWidth === 1 && !padded;
}

function rowsOf(graph: GraphBuilder, x: LazyValue): LazyValue {
  const channels = x.shape[x.shape.length - 1]!;
  return graph.reshape(x, [x.size / channels, channels]);
}
