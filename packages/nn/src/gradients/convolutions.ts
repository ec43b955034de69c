import * as tf from "@tensorflow/tfjs-core";
import { rule, runKernel } from "./rule.js";
import { gatherSpread, spread } from "./spread.js";

interface ConvolutionAttributes {
  readonly strides: number | number[];
  readonly pad: "valid" | "same" | number | number[][];
  readonly dilations: number | number[] | null | undefined;
  readonly dataFormat?: string;
  readonly dimRoundingMode?: string;
}

/**
 * Gradients of convolutions. The gradient kernels know no dilation, so that a dilated filter is written out with zeros
 * between its weights, and its gradient is taken where the weights stand.
 */
export const convolutionRules: readonly tf.GradConfig[] = [
  rule<ConvolutionAttributes>(tf.Conv2D, convolution(2, tf.Conv2DBackpropInput, tf.Conv2DBackpropFilter)),
  rule<ConvolutionAttributes>(
    tf.DepthwiseConv2dNative,
    convolution(2, tf.DepthwiseConv2dNativeBackpropInput, tf.DepthwiseConv2dNativeBackpropFilter),
  ),
  rule<ConvolutionAttributes>(tf.Conv3D, convolution(3, tf.Conv3DBackpropInputV2, tf.Conv3DBackpropFilterV2)),
  rule<ConvolutionAttributes>(tf.Conv3DBackpropInputV2, {
    inputs: ["dy", "filter"],
    gradients: ({ dy: gradient, saved: [dy, filter], attributes: { strides, pad } }) => ({
      dy: () =>
        runKernel(
          tf.Conv3D,
          { x: gradient, filter: filter! },
          { strides, pad, dataFormat: "NDHWC", dilations: [1, 1, 1] },
        ),
      filter: () =>
        runKernel(tf.Conv3DBackpropFilterV2, { x: gradient, dy: dy! }, { strides, pad, filterShape: filter!.shape }),
    }),
  }),
];

function convolution(axes: 2 | 3, inputKernel: string, filterKernel: string) {
  return {
    inputs: ["x", "filter"],
    gradients: ({
      dy,
      saved,
      attributes,
    }: {
      dy: tf.Tensor;
      saved: readonly tf.Tensor[];
      attributes: ConvolutionAttributes;
    }) => {
      const [x, filter] = saved as [tf.Tensor, tf.Tensor];
      const { strides, pad, dilations, dataFormat, dimRoundingMode } = attributes;
      const distances = Array.isArray(dilations) ? dilations.slice(-axes) : Array(axes).fill(dilations ?? 1);
      const settings = { strides, pad, dataFormat, dimRoundingMode, dilations: Array(axes).fill(1) };
      const filterShape = filter.shape.map((size, i) => (i < axes ? (size - 1) * distances[i] + 1 : size));
      return {
        x: () => {
          const apart = distances.reduce((weights, distance, axis) => spread(weights, axis, distance), filter);
          return runKernel(inputKernel, { dy, filter: apart }, { ...settings, inputShape: x.shape });
        },
        filter: () => {
          const apart = runKernel(filterKernel, { x, dy }, { ...settings, filterShape });
          return distances.reduce((weights, distance, axis) => gatherSpread(weights, axis, distance), apart);
        },
      };
    },
  };
}
