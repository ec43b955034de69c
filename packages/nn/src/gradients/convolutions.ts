import * as tf from "@tensorflow/tfjs-core";
import { gatherSpread, spread } from "../functions/spread.js";
import { depthwiseByPlaces, filterByPlaces, type WindowAxis } from "../functions/windows.js";
import { rule, runKernel } from "./rule.js";

interface ConvolutionAttributes {
  readonly strides: number | number[];
  readonly pad: "valid" | "same" | number | number[][];
  readonly dilations?: number | number[] | null;
  readonly dataFormat?: string;
  readonly dimRoundingMode?: string;
}

/**
 * Gradients of convolutions. The gradient kernels know no dilation, so that a dilated filter is written out with zeros
 * between its weights, and its gradient is taken where the weights stand.
 */
export const convolutionRules: readonly tf.GradConfig[] = [
  rule<ConvolutionAttributes>(tf.Conv2D, {
    inputs: ["x", "filter"],
    gradients: ({ dy, saved: [x, filter], attributes }) => ({
      x: () => inputGradient(tf.Conv2DBackpropInput, [dy, x!, filter!], attributes),
      filter: () =>
        hasKernel(tf.Conv2DBackpropFilter)
          ? filterGradient(tf.Conv2DBackpropFilter, [dy, x!, filter!], attributes)
          : filterByPlaces([dy, x!], filter!.shape, windowsOf(x!, filter!, attributes)),
    }),
  }),
  rule<ConvolutionAttributes>(tf.Conv2DBackpropInput, {
    inputs: ["dy", "filter"],
    gradients: ({ dy, saved: [x, filter], attributes }) => ({
      dy: () => runKernel(tf.Conv2D, { x: dy, filter: filter! }, { ...settingsOf(attributes, 2), dilations: [1, 1] }),
      filter: () =>
        hasKernel(tf.Conv2DBackpropFilter)
          ? filterGradient(tf.Conv2DBackpropFilter, [x!, dy, filter!], attributes)
          : filterByPlaces([x!, dy], filter!.shape, windowsOf(dy, filter!, attributes)),
    }),
  }),
  rule<ConvolutionAttributes>(tf.DepthwiseConv2dNative, {
    inputs: ["x", "filter"],
    gradients: ({ dy, saved: [x, filter], attributes }) =>
      hasKernel(tf.DepthwiseConv2dNativeBackpropFilter)
        ? {
            x: () => inputGradient(tf.DepthwiseConv2dNativeBackpropInput, [dy, x!, filter!], attributes),
            filter: () => filterGradient(tf.DepthwiseConv2dNativeBackpropFilter, [dy, x!, filter!], attributes),
          }
        : depthwiseByPlaces([dy, x!, filter!], windowsOf(x!, filter!, attributes, true)),
  }),
  rule<ConvolutionAttributes>(tf.Conv3D, {
    inputs: ["x", "filter"],
    gradients: ({ dy, saved: [x, filter], attributes }) => ({
      x: () => inputGradient(tf.Conv3DBackpropInputV2, [dy, x!, filter!], attributes),
      filter: () => filterGradient(tf.Conv3DBackpropFilterV2, [dy, x!, filter!], attributes),
    }),
  }),
  rule<ConvolutionAttributes>(tf.Conv3DBackpropInputV2, {
    inputs: ["dy", "filter"],
    gradients: ({ dy, saved: [x, filter], attributes }) => ({
      dy: () =>
        runKernel(
          tf.Conv3D,
          { x: dy, filter: filter! },
          { ...settingsOf(attributes, 3), dataFormat: "NDHWC", dilations: [1, 1, 1] },
        ),
      filter: () => filterGradient(tf.Conv3DBackpropFilterV2, [x!, dy, filter!], attributes),
    }),
  }),
];

type Operands = readonly [dy: tf.Tensor, x: tf.Tensor, filter: tf.Tensor];

function inputGradient(kernelName: string, [dy, x, filter]: Operands, attributes: ConvolutionAttributes): tf.Tensor {
  const axes = x.rank - 2;
  const apart = distancesOf(attributes, axes).reduce(
    (weights, distance, axis) => spread(weights, axis, distance),
    filter,
  );
  return runKernel(kernelName, { dy, filter: apart }, { ...settingsOf(attributes, axes), inputShape: x.shape });
}

function filterGradient(kernelName: string, [dy, x, filter]: Operands, attributes: ConvolutionAttributes): tf.Tensor {
  const axes = x.rank - 2;
  const filterShape = spreadShape(filter.shape, attributes, axes);
  const apart = runKernel(kernelName, { x, dy }, { ...settingsOf(attributes, axes), filterShape });
  return distancesOf(attributes, axes).reduce(
    (weights, distance, axis) => gatherSpread(weights, axis, distance),
    apart,
  );
}

function settingsOf({ strides, pad, dataFormat, dimRoundingMode }: ConvolutionAttributes, axes: number): object {
  return { strides, pad, dataFormat, dimRoundingMode, dilations: Array(axes).fill(1) };
}

function distancesOf({ dilations }: ConvolutionAttributes, axes: number): number[] {
  return Array.isArray(dilations) ? dilations.slice(-axes) : Array<number>(axes).fill(dilations ?? 1);
}

function spreadShape(shape: readonly number[], attributes: ConvolutionAttributes, axes: number): number[] {
  const distances = distancesOf(attributes, axes);
  return shape.map((size, i) => (i < axes ? (size - 1) * distances[i]! + 1 : size));
}

/** tfjs's wasm backend has no kernels for the gradients of filters. */
function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

function windowsOf(x: tf.Tensor, filter: tf.Tensor, attributes: ConvolutionAttributes, isDepthwise = false) {
  const shape = x.shape as [number, number, number, number];
  const info = tf.backend_util.computeConv2DInfo(
    shape,
    spreadShape(filter.shape, attributes, 2) as typeof shape,
    attributes.strides as number,
    1,
    attributes.pad as "same",
    attributes.dimRoundingMode as "floor",
    isDepthwise,
  );
  const { padInfo, filterHeight, filterWidth, strideHeight, strideWidth, outHeight, outWidth } = info;
  const axes: WindowAxis[] = [
    { size: shape[1], filter: filterHeight, stride: strideHeight, before: padInfo.top, windows: outHeight },
    { size: shape[2], filter: filterWidth, stride: strideWidth, before: padInfo.left, windows: outWidth },
  ];
  return { axes, distances: distancesOf(attributes, 2) };
}
