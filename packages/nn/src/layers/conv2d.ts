import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { filterByPlaces, type WindowAxis } from "../functions/windows.js";
import { customGradient } from "../transforms/custom-gradient.js";

/** Options of {@link conv2d}. */
export interface Conv2dOptions {
  /** Step between windows, both axes; 1 unless given. */
  readonly stride?: number;
  /** "same" (default) gives `ceil(side / stride)`, padding with zeros; "valid" pads nothing. */
  readonly padding?: "same" | "valid";
}

/**
 * Two-dimensional convolution (cross-correlation) plus bias.
 *
 * With an even side, a 4×4 filter and stride 2, "same" is PyTorch's `Conv2d(…, 4, stride=2, padding=1)`.
 *
 * @param x - `[batch, height, width, inChannels]`; borrowed.
 * @param filter - `[filterHeight, filterWidth, inChannels, outChannels]`; borrowed.
 * @param bias - `[outChannels]`; borrowed.
 * @returns `[batch, outHeight, outWidth, outChannels]`; yours to dispose.
 * @throws a {@link ShapeError} when the channel counts differ.
 */
export function conv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  options: Conv2dOptions = {},
): tf.Tensor4D {
  const { stride = 1, padding = "same" } = options;
  checkChannels("conv2d", "inChannels", x.shape[3], filter.shape[2]);
  checkChannels("conv2d", "bias length", bias.shape[0], filter.shape[3]);
  return customGradient([x, filter, bias], {
    forward: (x, filter, bias) => ({
      value: tf.tidy(() => convolve(x, filter, bias, stride, padding)),
      saved: [x, filter],
    }),
    gradient: (dy, [x, filter]) => [
      tf.conv2dTranspose(dy, filter, x.shape, stride, padding),
      filterGradient(x, dy, filter.shape, stride, padding),
      tf.sum(dy, [0, 1, 2]),
    ],
  });
}

/** Throws {@link ShapeError} unless two sizes that must agree do. */
export function checkChannels(layer: string, what: string, got: number, expected: number): void {
  if (got !== expected) {
    throw new ShapeError(`${layer}: the filter asks for ${what} ${expected}, got ${got}.`);
  }
}

/**
 * Gradient of a convolution by its filter.
 *
 * @param x - The convolution's input, `[batch, height, width, inChannels]`; borrowed.
 * @param dy - Gradient by its output, `[batch, outHeight, outWidth, outChannels]`; borrowed.
 * @returns Shaped as the filter; yours to dispose.
 */
export function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  filterShape: [number, number, number, number],
  stride: number,
  padding: "same" | "valid",
): tf.Tensor4D {
  if (!tf.getKernel(tf.Conv2DBackpropFilter, tf.getBackend())) {
    // tfjs's wasm backend.
    return tf.tidy(() => filterByPlaces([dy, x], filterShape, windowsOf(x, dy, filterShape, stride)) as tf.Tensor4D);
  }
  // tfjs-core has the kernel and no public op for it.
  const attributes = { strides: [stride, stride], pad: padding, dataFormat: "NHWC", filterShape };
  return tf.engine().runKernel(tf.Conv2DBackpropFilter, { x, dy }, attributes) as tf.Tensor4D;
}

/** The windows that gave `[batch, outHeight, outWidth, outChannels]`: what they lack of the image is its padding. */
function windowsOf(x: tf.Tensor4D, y: tf.Tensor4D, filterShape: readonly number[], stride: number) {
  const axes = [0, 1].map((axis): WindowAxis => {
    const [size, filter, windows] = [x.shape[axis + 1]!, filterShape[axis]!, y.shape[axis + 1]!];
    const padding = Math.max(0, (windows - 1) * stride + filter - size);
    return { size, filter, stride, before: Math.floor(padding / 2), windows };
  });
  return { axes, distances: [1, 1] };
}

function convolve(x: tf.Tensor4D, filter: tf.Tensor4D, bias: tf.Tensor1D, stride: number, padding: "same" | "valid") {
  // Native convolutions add the bias while the result is still in cache.
  if (tf.getKernel(tf.FusedConv2D, tf.getBackend())) {
    return tf.fused.conv2d({ x, filter, strides: stride, pad: padding, bias });
  }
  return tf.add(tf.conv2d(x, filter, stride, padding), bias) as tf.Tensor4D;
}
