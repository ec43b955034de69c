import * as tf from "@tensorflow/tfjs-core";
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
  const run = tf.customGrad((x, filter, bias, save) => {
    const [input, weights] = [x as tf.Tensor4D, filter as tf.Tensor4D];
    (save as tf.GradSaveFunc)([input, weights]);
    const [batch, height, width] = input.shape;
    const outShape: [number, number, number, number] = [batch, height * stride, width * stride, weights.shape[2]];
    const value = tf.tidy(() =>
      tf.add(tf.conv2dTranspose(input, weights, outShape, stride, "same"), bias as tf.Tensor),
    );
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [input, weights] = saved as [tf.Tensor4D, tf.Tensor4D];
      const dOutput = dy as tf.Tensor4D;
      return [
        tf.conv2d(dOutput, weights, stride, "same"),
        // The roles of input and output are swapped against a convolution's.
        filterGradient(dOutput, input, weights.shape, stride, "same"),
        tf.sum(dOutput, [0, 1, 2]),
      ];
    };
    return { value, gradFunc };
  });
  return run(x, filter, bias) as tf.Tensor4D;
}
