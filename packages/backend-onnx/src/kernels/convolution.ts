import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { activate } from "./activation.js";
import { convolve, convolveBack, filterGradient } from "./convolve.js";
import { type KernelCall, kernel, type NativeKernel } from "./kernel.js";
import { channelsFirst, channelsLast, type Window, window2d, window3d } from "./window.js";

type Shape4D = [number, number, number, number];
type Shape5D = [number, number, number, number, number];
type Layout = "NHWC" | "NCHW";
type Geometry = Pick<tf.Conv2DAttrs, "strides" | "pad" | "dataFormat" | "dilations" | "dimRoundingMode">;

const conv2d = kernel<tf.Conv2DAttrs>(tf.Conv2D, (call) => forward(call));

const fusedConv2d = kernel<tf.FusedConv2DAttrs>(tf.FusedConv2D, (call) => {
  const { optional, attrs, graph } = call;
  const bias = optional("bias");
  const isByChannel =
    bias?.type === "float32" && bias.shape.length === 1 && bias.size === call.input("filter").shape[3];
  const result = forward(call, isByChannel ? bias : undefined);
  if (result === undefined) {
    return undefined;
  }
  const slopes = aligned(graph, optional("preluActivationWeights"), attrs.dataFormat);
  const biased =
    bias === undefined || isByChannel ? result : graph.add(result, aligned(graph, bias, attrs.dataFormat)!);
  return activate(graph, biased, attrs.activation, slopes, attrs.leakyreluAlpha);
});

const conv2dBackpropInput = kernel<tf.Conv2DBackpropInputAttrs>(tf.Conv2DBackpropInput, ({ input, attrs, graph }) => {
  const [dy, filter] = [input("dy"), input("filter")];
  const window = geometry(attrs.inputShape, filter.shape, { ...attrs, dilations: 1 });
  if (window === undefined || tooSmall(dy, window, attrs.dataFormat)) {
    return undefined;
  }
  return laidOut(graph, convolveBack(graph, inLast(graph, dy, attrs.dataFormat), filter, window), attrs.dataFormat);
});

const conv2dBackpropFilter = kernel<tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  ({ input, attrs, graph }) => {
    const [x, dy] = [input("x"), input("dy")];
    const window = geometry(x.shape, attrs.filterShape, { ...attrs, dilations: 1 });
    return window === undefined
      ? undefined
      : filterGradient(graph, inLast(graph, x, attrs.dataFormat), inLast(graph, dy, attrs.dataFormat), window);
  },
);

const conv3d = kernel<tf.Conv3DAttrs>(tf.Conv3D, ({ input, attrs, graph }) => {
  const [x, filter] = [input("x"), input("filter")];
  const window = geometry3d(x.shape, filter.shape, attrs, attrs.dilations);
  return window === undefined ? undefined : inFloats(graph, x, (floats) => convolve(graph, floats, filter, window));
});

const conv3dBackpropInput = kernel<tf.Conv3DBackpropInputV2Attrs>(
  tf.Conv3DBackpropInputV2,
  ({ input, attrs, graph }) => {
    const [dy, filter] = [input("dy"), input("filter")];
    const window = geometry3d(attrs.inputShape, filter.shape, attrs, 1);
    return window === undefined || tooSmall(dy, window, "NHWC") ? undefined : convolveBack(graph, dy, filter, window);
  },
);

const conv3dBackpropFilter = kernel<tf.Conv3DBackpropFilterV2Attrs>(
  tf.Conv3DBackpropFilterV2,
  ({ input, attrs, graph }) => {
    const [x, dy] = [input("x"), input("dy")];
    const window = geometry3d(x.shape, attrs.filterShape, attrs, 1);
    return window === undefined ? undefined : filterGradient(graph, x, dy, window);
  },
);

export const convolutionKernels: readonly NativeKernel[] = [
  conv2d,
  fusedConv2d,
  conv2dBackpropInput,
  conv2dBackpropFilter,
  conv3d,
  conv3dBackpropInput,
  conv3dBackpropFilter,
];

/** @param bias - One number for each output channel. */
function forward({ input, attrs, graph }: KernelCall<Geometry>, bias?: LazyValue): LazyValue | undefined {
  const [x, filter] = [input("x"), input("filter")];
  const window = geometry(x.shape, filter.shape, attrs);
  if (window === undefined) {
    return undefined;
  }
  return inFloats(graph, x, (floats) =>
    laidOut(graph, convolve(graph, inLast(graph, floats, attrs.dataFormat), filter, window, bias), attrs.dataFormat),
  );
}

function geometry(inputShape: readonly number[], filterShape: readonly number[], attrs: Geometry): Window | undefined {
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    attrs.strides,
    attrs.dilations,
    attrs.pad,
    attrs.dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(attrs.dataFormat),
  );
  return info.outHeight > 0 && info.outWidth > 0 ? window2d(info) : undefined;
}

function geometry3d(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad }: Pick<tf.Conv3DAttrs, "strides" | "pad">,
  dilations: number | [number, number, number],
): Window | undefined {
  const info = tf.backend_util.computeConv3DInfo(
    inputShape as Shape5D,
    filterShape as Shape5D,
    strides,
    dilations,
    pad,
  );
  return info.outShape.includes(0) ? undefined : window3d(info);
}

/** Whether a gradient is smaller than the convolution's output, so that it cannot belong to it. */
function tooSmall(dy: LazyValue, window: Window, layout: Layout): boolean {
  const first = layout === "NCHW" ? 2 : 1;
  return window.output.some((size, axis) => dy.shape[first + axis]! < size);
}

/** Convolves as floats, as ONNX Runtime requires; integer results are truncated. */
function inFloats(graph: GraphBuilder, x: LazyValue, compute: (x: LazyValue) => LazyValue): LazyValue {
  return graph.cast(compute(graph.cast(x, "float32")), x.type);
}

function inLast(graph: GraphBuilder, x: LazyValue, layout: Layout): LazyValue {
  return layout === "NCHW" ? channelsLast(graph, x) : x;
}

function laidOut(graph: GraphBuilder, result: LazyValue, layout: Layout): LazyValue {
  return layout === "NCHW" ? channelsFirst(graph, result) : result;
}

/** With channels first, a vector with one number per channel is reshaped to broadcast over the spatial axes. */
function aligned(graph: GraphBuilder, values: LazyValue | undefined, layout: Layout): LazyValue | undefined {
  return values !== undefined && layout === "NCHW" && values.shape.length === 1 && values.shape[0] !== 1
    ? graph.reshape(values, [values.shape[0]!, 1, 1])
    : values;
}
