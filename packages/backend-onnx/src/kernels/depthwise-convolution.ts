import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { activate } from "./activation.js";
import { type KernelCall, kernel, type NativeKernel } from "./kernel.js";
import {
  channelsFirst,
  channelsLast,
  shiftedViews,
  unreached,
  type Window,
  window2d,
  windowAttributes,
} from "./window.js";

type Geometry = Pick<tf.DepthwiseConv2dNativeAttrs, "strides" | "pad" | "dilations" | "dimRoundingMode">;
type Shape4D = [number, number, number, number];

const depthwise = kernel<tf.DepthwiseConv2dNativeAttrs>(tf.DepthwiseConv2dNative, (call) => forward(call));

const fusedDepthwise = kernel<tf.FusedDepthwiseConv2DAttrs>(tf.FusedDepthwiseConv2D, (call) => {
  const { optional, attrs, graph } = call;
  const result = forward(call);
  if (result === undefined) {
    return undefined;
  }
  const bias = optional("bias");
  const biased = bias === undefined ? result : graph.add(result, bias);
  return activate(graph, biased, attrs.activation, optional("preluActivationWeights"), attrs.leakyreluAlpha);
});

const depthwiseBackpropInput = kernel<tf.DepthwiseConv2dNativeBackpropInputAttrs>(
  tf.DepthwiseConv2dNativeBackpropInput,
  ({ input, attrs, graph }) => {
    const [dy, filter] = [input("dy"), input("filter")];
    const window = geometry(attrs.inputShape, filter.shape, attrs);
    const [batch, , , channels] = attrs.inputShape;
    if (window === undefined) {
      return undefined;
    }
    const result = graph.node(
      "ConvTranspose",
      [channelsFirst(graph, dy), groups(graph, filter)],
      dy.type,
      [batch, channels, ...window.input],
      { attributes: { ...windowAttributes(window), group: channels, output_padding: unreached(window) } },
    );
    return channelsLast(graph, result);
  },
);

/** For each filter position: the sum over batch and windows of its input times the gradient. */
const depthwiseBackpropFilter = kernel<tf.DepthwiseConv2dNativeBackpropFilterAttrs>(
  tf.DepthwiseConv2dNativeBackpropFilter,
  ({ input, attrs, graph }) => {
    const [x, dy] = [input("x"), input("dy")];
    const window = geometry(x.shape, attrs.filterShape, attrs);
    if (window === undefined) {
      return undefined;
    }
    const [, , channels, multiplier] = attrs.filterShape;
    const rows = dy.size / (channels * multiplier);
    const gradient = graph.reshape(dy, [rows, channels, multiplier]);
    const sums = shiftedViews(graph, x, window, 0).map((seen) =>
      graph.reduce("ReduceSum", graph.mul(graph.reshape(seen, [rows, channels, 1]), gradient), [0], true),
    );
    return graph.reshape(graph.concat(sums, 0), attrs.filterShape);
  },
);

export const depthwiseConvolutionKernels: readonly NativeKernel[] = [
  depthwise,
  fusedDepthwise,
  depthwiseBackpropInput,
  depthwiseBackpropFilter,
];

function forward({ input, attrs, graph }: KernelCall<Geometry>): LazyValue | undefined {
  const [x, filter] = [input("x"), input("filter")];
  const window = geometry(x.shape, filter.shape, attrs);
  if (window === undefined || x.type !== "float32") {
    return undefined;
  }
  const [, , channels, multiplier] = filter.shape as Shape4D;
  const result = graph.node(
    "Conv",
    [channelsFirst(graph, x), groups(graph, filter)],
    x.type,
    [x.shape[0]!, channels * multiplier, ...window.output],
    { attributes: { ...windowAttributes(window), group: channels } },
  );
  return channelsLast(graph, result);
}

function geometry(inputShape: readonly number[], filterShape: readonly number[], attrs: Geometry): Window | undefined {
  const dilations = attrs.dilations ?? 1;
  tf.util.assert(
    tf.backend_util.eitherStridesOrDilationsAreOne(attrs.strides, dilations),
    () => `Either strides or dilations must be 1, got strides ${attrs.strides} and dilations ${dilations}.`,
  );
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    attrs.strides,
    dilations,
    attrs.pad,
    attrs.dimRoundingMode,
    true,
  );
  return info.outHeight > 0 && info.outWidth > 0 ? window2d(info) : undefined;
}

/** `[height, width, channels, multiplier]` as `[channels · multiplier, 1, height, width]`. */
function groups(graph: GraphBuilder, filter: LazyValue): LazyValue {
  const [height, width, channels, multiplier] = filter.shape as Shape4D;
  return graph.reshape(graph.transpose(filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
}
