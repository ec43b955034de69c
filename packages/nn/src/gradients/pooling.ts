import * as tf from "@tensorflow/tfjs-core";
import { type Rule, rule, runKernel } from "./rule.js";

interface PoolAttributes {
  readonly filterSize: number | number[];
  readonly strides: number | number[];
  readonly pad: "valid" | "same" | number | number[][];
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
  rule<PoolAttributes>(tf.MaxPool, maximumRule(tf.MaxPoolGrad)),
  rule<PoolAttributes>(tf.MaxPool3D, {
    inputs: ["x"],
    outputs: [true],
    gradients: ({ dy, saved: [x, y], attributes }) => ({
      x: () => {
        const axes = axes3d(x!, attributes);
        // The kernel of cpu takes height for width.
        return axes[1].filter === axes[2].filter
          ? maximumGradient(tf.MaxPool3DGrad, [dy, x!, y!], attributes)
          : maximumGradientInTurn([dy, x!, y!], axes);
      },
    }),
  }),
  rule<PoolAttributes>(tf.MaxPoolWithArgmax, maximumRule(tf.MaxPoolGrad)),
];

/** The windows along one axis of the image. */
interface Axis {
  readonly size: number;
  readonly filter: number;
  readonly stride: number;
  readonly before: number;
  readonly windows: number;
}

function maximumRule(gradientKernel: string): Rule<PoolAttributes> {
  return {
    inputs: ["x"],
    outputs: [true],
    gradients: ({ dy, saved: [x, y], attributes }) => ({
      x: () => maximumGradient(gradientKernel, [dy, x!, y!], attributes),
    }),
  };
}

type Maxima = readonly [dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor];

function maximumGradient(gradientKernel: string, [dy, input, output]: Maxima, attributes: PoolAttributes): tf.Tensor {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  return runKernel(gradientKernel, { dy, input, output }, { filterSize, strides, pad, dimRoundingMode });
}

/** The maximum of a volume is that over its depth of the maxima of its slices, and so is its gradient. */
function maximumGradientInTurn([dy, x, y]: Maxima, [depth, height, width]: readonly [Axis, Axis, Axis]): tf.Tensor {
  const [batch, channels] = [x.shape[0]!, x.shape[4]!];
  const within = {
    filterSize: [height.filter, width.filter],
    strides: [height.stride, width.stride],
    pad: [[0, 0], paddingOf(height), paddingOf(width), [0, 0]],
  };
  const across = {
    filterSize: [depth.filter, 1],
    strides: [depth.stride, 1],
    pad: [[0, 0], paddingOf(depth), [0, 0], [0, 0]],
  };
  const places = height.windows * width.windows;
  const slices = tf.reshape(x, [batch * depth.size, height.size, width.size, channels]);
  const maxima = runKernel(tf.MaxPool, { x: slices }, within);
  const columns = tf.reshape(maxima, [batch, depth.size, places, channels]);
  const [dyColumns, yColumns] = [dy, y].map((z) => tf.reshape(z, [batch, depth.windows, places, channels])) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const dyMaxima = maximumGradient(tf.MaxPoolGrad, [dyColumns, columns, yColumns], across);
  const dySlices = maximumGradient(tf.MaxPoolGrad, [tf.reshape(dyMaxima, maxima.shape), slices, maxima], within);
  return tf.reshape(dySlices, x.shape);
}

/** Padding with which exactly the windows of the axis fit. */
function paddingOf({ size, filter, stride, before, windows }: Axis): [number, number] {
  return [before, Math.max(0, (windows - 1) * stride + filter - before - size)];
}

/**
 * The gradient kernels of all backends divide by the whole window, and know no padding by rounded sizes. So the image
 * is padded here, and what windows at its edges lack is made up for beforehand.
 */
function averageGradient(
  gradientKernel: string,
  dy: tf.Tensor,
  x: tf.Tensor,
  { filterSize, strides, pad, axes }: PoolAttributes & { readonly axes: readonly Axis[] },
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

function isInside({ size, filter, stride, before, windows }: Axis): boolean {
  return before === 0 && (windows - 1) * stride + filter <= size;
}

function countInside({ size, filter, stride, before }: Axis, window: number): number {
  const first = window * stride - before;
  return Math.min(size, first + filter) - Math.max(0, first);
}

function paddedSize({ size, filter, stride, before, windows }: Axis): number {
  return Math.max(before + size, (windows - 1) * stride + filter);
}

function axes2d(x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): Axis[] {
  const shape = x.shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(
    shape,
    filterSize as number,
    strides as number,
    1,
    pad as "same",
    dimRoundingMode,
  );
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo, outHeight, outWidth } = info;
  return [
    { size: shape[1], filter: filterHeight, stride: strideHeight, before: padInfo.top, windows: outHeight },
    { size: shape[2], filter: filterWidth, stride: strideWidth, before: padInfo.left, windows: outWidth },
  ];
}

function axes3d(x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes): [Axis, Axis, Axis] {
  const shape = x.shape as [number, number, number, number, number];
  const info = tf.backend_util.computePool3DInfo(
    shape,
    filterSize as number,
    strides as number,
    1,
    pad as "same",
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
