import type * as tf from "@tensorflow/tfjs-core";
import { linear } from "../layers/linear.js";
import { filled, uniform } from "../weights/initializers.js";
import { Module } from "./module.js";
import { type Initializer, Parameter } from "./parameter.js";

/** Options of {@link Linear}. */
export interface LinearOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Whether an offset is added; true when absent. */
  readonly bias?: boolean;
  /** First values; uniform in ±1/√inputs for both when absent, as in PyTorch. A given `weight` alone leaves the bias 0. */
  readonly initial?: { readonly weight: Initializer; readonly bias?: Initializer };
  /** Another layer's `[outputs, inputs]` to share: tied weights. Default: none. */
  readonly weight?: Parameter<tf.Tensor2D>;
}

/** An affine map of the last axis, `x · weightᵀ + bias`; see {@link linear}. */
export class Linear extends Module {
  /** `[outputs, inputs]`, PyTorch's layout. */
  readonly weight: Parameter<tf.Tensor2D>;
  /** `[outputs]`. */
  readonly bias: Parameter<tf.Tensor1D> | undefined;

  constructor({ inputs, outputs, bias = true, initial, weight }: LinearOptions) {
    super();
    const bound = 1 / Math.sqrt(inputs);
    const byInputs: Initializer = (shape, random) => uniform(shape, { random, low: -bound, high: bound });
    const { weight: initialWeight, bias: initialBias = filled(0) } = initial ?? { weight: byInputs, bias: byInputs };
    this.weight = weight ?? new Parameter({ shape: [outputs, inputs], initial: initialWeight });
    this.bias = bias ? new Parameter({ shape: [outputs], initial: initialBias }) : undefined;
  }

  /**
   * @param x - `[…, inputs]`, float32; borrowed.
   * @returns `[…, outputs]`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor): tf.Tensor {
    return linear(x, this.weight.value, this.bias?.value);
  }
}
