import * as tf from "@tensorflow/tfjs-core";
import { maximumByPlaces, paddedSize, type WindowAxis } from "../functions/windows.js";
import { type Rule, rule, runKernel } from "./rule.js";

interface PoolAttributes {
  readonly filterSize: number | number[];
  readonly strides: number | number[];
  readonly pad: "valid" | "same" | number;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/** Gradients of pooling. Averages count the values inside the image only, and so must their gradients. */
export const poolingRules: readonly tf.GradConfig[] = [
  rule<PoolAttributes>(tf.AvgPool, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes }) => ({
      x: () => averageGradient(tf.AvgPoolGrad, dy, x!, { ...attributes, axes: axes2d(x!, attributes) }),
    }),
  }),
  rule<PoolAttributes>(tf.AvgPool3D, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes }) => ({
      x: () => averageGradient(tf.AvgPool3DGrad, dy, x!, { ...attributes, axes: axes3d(x!, attributes) }),
    }),
  }),
  rule<PoolAttributes>(tf.MaxPool, maximumRule(tf.MaxPoolGrad, axes2d)),
  rule<PoolAttributes>(tf.MaxPool3D, maximumRule(tf.MaxPool3DGrad, axes3d)),
  rule<PoolAttributes>(tf.MaxPoolWithArgmax, maximumRule(tf.MaxPoolGrad, axes2d)),
];

function maximumRule(
  gradientKernel: string,
  axesOf: (x: tf.Tensor, attributes: PoolAttributes) => readonly WindowAxis[],
): Rule<PoolAttributes> {
  return {
    inputs: ["x"],
    outputs: [true],
    gradients: ({ dy, saved: [x, y], attributes }) => ({
      x: () => {
        const axes = axesOf(x!, attributes);
        if (isKernelWrong(tf.getBackend(), axes)) {
          return maximumByPlaces(dy, x!, y!, axes);
        }
        const { filterSize, strides, pad, dimRoundingMode } = attributes;
        return runKernel(gradientKernel, { dy, input: x!, output: y! }, { filterSize, strides, pad, dimRoundingMode });
      },
    }),
  };
}

/**
 * The kernels of wasm find no maximum below 0; for volumes those of cpu, which onnx uses too, take height for width, and
 * that of webgpu mixes up the places of a window.
 */
function isKernelWrong(backend: string, axes: readonly WindowAxis[]): boolean {
  return backend === "wasm" || (backend !== "webgl" && axes.length === 3 && axes[1]!.filter !== axes[2]!.filter);
}

/**
 * The gradient kernels of all backends divide by the whole window, and know no padding by rounded sizes. So the image
 * is padded here, and what windows at its edges lack is made up for beforehand.
 */
function averageGradient(
  gradientKernel: string,
  dy: tf.Tensor,
  x: tf.Tensor,
  { filterSize, strides, pad, axes }: PoolAttributes & { readonly axes: readonly WindowAxis[] },
): tf.Tensor {
  if (axes.every(isInside)) {
    return runKernel(gradientKernel, { dy, input: x }, { filterSize, strides, pad, dimRoundingMode: undefined });
  }
  const shares = axes.reduce<tf.Tensor>((all, axis, i) => {
    const factors = Array.from({ length: axis.windows }, (_, window) => axis.filter / countInside(axis, window));
    return tf.mul(all, tf.tensor(factors, [1, ...axes.map((_, j) => (j === i ? axis.windows : 1)), 1]));
  }, dy);
  const begin = [0, ...axes.map(({ before }) => before), 0];
  const input = tf.zeros([x.shape[0]!, ...axes.map(paddedSize), x.shape.at(-1)!]);
  const padded = runKernel(gradientKernel, { dy: shares, input }, { filterSize, strides, pad: "valid" });
  return tf.slice(padded, begin, x.shape);
}

function isInside({ size, filter, stride, before, windows }: WindowAxis): boolean {
  return before === 0 && (windows - 1) * stride + filter <= size;
}

function countInside({ size, filter, stride, before }: WindowAxis, window: number): number {
  const first = window * stride - before;
  return Math.min(size, first + filter) - Math.max(0, first);
}

function axes2d(x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): WindowAxis[] {
  const shape = x.shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(
    shape,
    filterSize as number,
    strides as number,
    1,
    pad,
    dimRoundingMode,
  );
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo, outHeight, outWidth } = info;
  return [
    { size: shape[1], filter: filterHeight, stride: strideHeight, before: padInfo.top, windows: outHeight },
    { size: shape[2], filter: filterWidth, stride: strideWidth, before: padInfo.left, windows: outWidth },
  ];
}

function axes3d(x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): WindowAxis[] {
  const shape = x.shape as [number, number, number, number, number];
  const info = tf.backend_util.computePool3DInfo(
    shape,
    filterSize as number,
    strides as number,
    1,
    pad,
    dimRoundingMode,
  );
  const { padInfo } = info;
  return [
    {
      size: shape[1],
      filter: info.filterDepth,
      stride: info.strideDepth,
      before: padInfo.front,
      windows: info.outDepth,
    },
    {
      size: shape[2],
      filter: info.filterHeight,
      stride: info.strideHeight,
      before: padInfo.top,
      windows: info.outHeight,
    },
    {
      size: shape[3],
      filter: info.filterWidth,
      stride: info.strideWidth,
      before: padInfo.left,
      windows: info.outWidth,
    },
  ];
}
