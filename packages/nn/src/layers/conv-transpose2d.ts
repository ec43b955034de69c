import * as tf from "@tensorflow/tfjs-core";
import { customGradient } from "../transforms/custom-gradient.js";
import { checkChannels, filterGradient } from "./conv2d.js";

/** Options of {@link convTranspose2d}. */
export interface ConvTranspose2dOptions {
  /** Factor by which height and width grow; 1 unless given. */
  readonly stride?: number;
}

/**
 * Transposed two-dimensional convolution plus bias: the gradient of a "same" convolution by its input.
 *
 * With a 4×4 filter and stride 2 it is PyTorch's `ConvTranspose2d(…, 4, stride=2, padding=1)`.
 *
 * @param x - `[batch, height, width, inChannels]`; borrowed.
 * @param filter - `[filterHeight, filterWidth, outChannels, inChannels]`; borrowed.
 * @param bias - `[outChannels]`; borrowed.
 * @returns `[batch, height · stride, width · stride, outChannels]`; yours to dispose.
 * @throws a `ShapeError` when the channel counts differ.
 */
export function convTranspose2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  options: ConvTranspose2dOptions = {},
): tf.Tensor4D {
  const { stride = 1 } = options;
  checkChannels("convTranspose2d", "inChannels", x.shape[3], filter.shape[3]);
  checkChannels("convTranspose2d", "bias length", bias.shape[0], filter.shape[2]);
  const [batch, height, width] = x.shape;
  const outShape: [number, number, number, number] = [batch, height * stride, width * stride, filter.shape[2]];
  return customGradient([x, filter, bias], {
    forward: (x, filter, bias) => ({
      value: tf.tidy(() => tf.add<tf.Tensor4D>(tf.conv2dTranspose(x, filter, outShape, stride, "same"), bias)),
      saved: [x, filter],
    }),
    gradient: (dy, [x, filter]) => [
      tf.conv2d(dy, filter, stride, "same"),
      // The roles of input and output are swapped against a convolution's.
      filterGradient(dy, x, filter.shape, stride, "same"),
      tf.sum(dy, [0, 1, 2]),
    ],
  });
}
