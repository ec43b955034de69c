import type * as tf from "@tensorflow/tfjs-core";
import { convTranspose2d } from "../layers/conv-transpose2d.js";
import { filled } from "../weights/initializers.js";
import { type Convolution2dOptions, convolutionInitializers, convolutionWeight } from "./convolution2d.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** A transposed "same" convolution with bias; the side grows by `stride`. See {@link convTranspose2d}. */
export class TransposedConvolution2d extends Module {
  /** `[filter, filter, outputs, inputs]`; files have PyTorch's `[inputs, outputs, filter, filter]`. */
  readonly weight: Parameter<tf.Tensor4D>;
  /** `[outputs]`. */
  readonly bias: Parameter<tf.Tensor1D>;
  readonly #stride: number;

  constructor({ inputs, outputs, filter, stride = 1, initial }: Convolution2dOptions) {
    super();
    // PyTorch takes a transposed convolution's fan-in from the second axis of its weight, which is its outputs.
    const first = initial ?? convolutionInitializers(outputs * filter ** 2);
    this.weight = convolutionWeight([filter, filter, outputs, inputs], first.weight);
    this.bias = new Parameter({ shape: [outputs], initial: first.bias ?? filled(0) });
    this.#stride = stride;
  }

  /**
   * @param x - `[batch, height, width, inputs]`; borrowed.
   * @returns `[batch, height · stride, width · stride, outputs]`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return convTranspose2d(x, this.weight.value, this.bias.value, { stride: this.#stride });
  }
}
