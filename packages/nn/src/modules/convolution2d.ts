import { ConfigError, describeValue } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import { convTranspose2d } from "../layers/conv-transpose2d.js";
import { conv2d } from "../layers/conv2d.js";
import { upsampledConv2d } from "../layers/upsampled-conv2d.js";
import { filled, kaimingUniform, uniform } from "../weights/initializers.js";
import { convolutionFileLayout } from "../weights/stored-weights.js";
import { Module } from "./module.js";
import { type Initializer, Parameter } from "./parameter.js";

/** Options that {@link Convolution2d} and {@link TransposedConvolution2d} have in common. */
interface CommonOptions {
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

/** Options of {@link TransposedConvolution2d}. */
export type TransposedConvolution2dOptions = CommonOptions;

/** Options of {@link Convolution2d}. */
export interface Convolution2dOptions extends CommonOptions {
  /**
   * Whether both sides are doubled first, each pixel repeated, as {@link upsampledConv2d} does it; the filter is then
   * odd, and the stride 1. False when absent.
   */
  readonly upsample?: boolean;
}

/** A "same" convolution with bias; the side shrinks by `stride`. See {@link conv2d}. */
export class Convolution2d extends Module {
  /** `[filter, filter, inputs, outputs]`; files have PyTorch's `[outputs, inputs, filter, filter]`. */
  readonly weight: Parameter<tf.Tensor4D>;
  /** `[outputs]`. */
  readonly bias: Parameter<tf.Tensor1D>;
  readonly #stride: number;
  readonly #upsample: boolean;

  /** @throws a {@link ConfigError} when it is to upsample with an even filter or a stride. */
  constructor({ inputs, outputs, filter, stride = 1, upsample = false, initial }: Convolution2dOptions) {
    super();
    if (upsample && (stride !== 1 || filter % 2 === 0)) {
      throw new ConfigError(
        `Convolution2d: upsample takes a stride of 1 and an odd filter, got stride ${describeValue(stride)} and filter ${describeValue(filter)}.`,
      );
    }
    this.#upsample = upsample;
    const first = initial ?? convolutionInitializers(inputs * filter ** 2);
    this.weight = convolutionWeight([filter, filter, inputs, outputs], first.weight);
    this.bias = new Parameter({ shape: [outputs], initial: first.bias ?? filled(0) });
    this.#stride = stride;
  }

  /**
   * @param x - `[batch, height, width, inputs]`; borrowed.
   * @returns `[batch, ⌈height / stride⌉, ⌈width / stride⌉, outputs]`, upsampled `[batch, 2 · height, 2 · width, outputs]`;
   *   belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    if (this.#upsample) {
      return upsampledConv2d(x, this.weight.value, this.bias.value);
    }
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

  constructor({ inputs, outputs, filter, stride = 1, initial }: TransposedConvolution2dOptions) {
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
