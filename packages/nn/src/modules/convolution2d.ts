import type * as tf from "@tensorflow/tfjs-core";
import { convTranspose2d } from "../layers/conv-transpose2d.js";
import { conv2d } from "../layers/conv2d.js";
import { filled, kaimingUniform, uniform } from "../weights/initializers.js";
import { convolutionFileLayout } from "../weights/stored-weights.js";
import { Module } from "./module.js";
import { type Initializer, Parameter } from "./parameter.js";

/** Options of {@link Convolution2d} and {@link TransposedConvolution2d}. */
export interface Convolution2dOptions {
  /** Channels that come in. */
  readonly inputs: number;
  /** Channels that go out. */
  readonly outputs: number;
  /** Height and width of the filter. */
  readonly filter: number;
  /** Step between windows, both axes; 1 when absent. */
  readonly stride?: number;
  /** First values; uniform in ±1/√fanIn for both when absent, as in PyTorch. A given `weight` alone leaves the bias 0. */
  readonly initial?: { readonly weight: Initializer; readonly bias?: Initializer };
}

/** A "same" convolution with bias; the side shrinks by `stride`. See {@link conv2d}. */
export class Convolution2d extends Module {
  /** `[filter, filter, inputs, outputs]`; files have PyTorch's `[outputs, inputs, filter, filter]`. */
  readonly weight: Parameter<tf.Tensor4D>;
  /** `[outputs]`. */
  readonly bias: Parameter<tf.Tensor1D>;
  readonly #stride: number;

  constructor({ inputs, outputs, filter, stride = 1, initial }: Convolution2dOptions) {
    super();
    const first = initial ?? convolutionInitializers(inputs * filter ** 2);
    this.weight = convolutionWeight([filter, filter, inputs, outputs], first.weight);
    this.bias = new Parameter({ shape: [outputs], initial: first.bias ?? filled(0) });
    this.#stride = stride;
  }

  /**
   * @param x - `[batch, height, width, inputs]`; borrowed.
   * @returns `[batch, ⌈height / stride⌉, ⌈width / stride⌉, outputs]`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return conv2d(x, this.weight.value, this.bias.value, { stride: this.#stride });
  }
}

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

/** A filter, which files hold in PyTorch's layout. */
function convolutionWeight(shape: readonly number[], initial: Initializer): Parameter<tf.Tensor4D> {
  return new Parameter({ shape, initial, fileLayout: convolutionFileLayout });
}

/** PyTorch's first values of a convolution's filter and bias: uniform in ±1/√fanIn. */
function convolutionInitializers(fanIn: number): { readonly weight: Initializer; readonly bias: Initializer } {
  const bound = 1 / Math.sqrt(fanIn);
  return {
    weight: (shape, random) => kaimingUniform(shape, { random, fanIn, gain: 1 / Math.sqrt(3) }),
    bias: (shape, random) => uniform(shape, { random, low: -bound, high: bound }),
  };
}
