import * as tf from "@tensorflow/tfjs-core";
import { batchNorm, batchNormInference } from "../layers/batch-norm.js";
import { filled } from "../weights/initializers.js";
import type { ForwardPass } from "./forward-pass.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Options of {@link BatchNorm2d}. */
export interface BatchNorm2dOptions {
  readonly channels: number;
  /** Added to the variance; 1e-5 when absent. */
  readonly epsilon?: number;
  /**
   * Which variance of a batch goes into the running one: `unbiased`, over count − 1, as PyTorch has it (default), or
   * `biased`, the one that the batch is normalized by.
   */
  readonly runningVariance?: "unbiased" | "biased";
}

/**
 * Batch normalization over images: each channel by its mean and variance over the batch in training, and by running
 * ones otherwise.
 *
 * @see Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167
 */
export class BatchNorm2d extends Module {
  static override readonly paths = { runningMean: "running_mean", runningVariance: "running_var" };

  readonly weight: Parameter<tf.Tensor1D>;
  readonly bias: Parameter<tf.Tensor1D>;
  readonly runningMean: Parameter<tf.Tensor1D>;
  readonly runningVariance: Parameter<tf.Tensor1D>;
  readonly #epsilon: number;
  readonly #biased: boolean;

  constructor({ channels, epsilon = 1e-5, runningVariance = "unbiased" }: BatchNorm2dOptions) {
    super();
    const shape = [channels];
    this.weight = new Parameter({ shape, initial: filled(1) });
    this.bias = new Parameter({ shape, initial: filled(0) });
    this.runningMean = new Parameter({ shape, initial: filled(0), role: "buffer" });
    this.runningVariance = new Parameter({ shape, initial: filled(1), role: "buffer" });
    this.#epsilon = epsilon;
    this.#biased = runningVariance === "biased";
  }

  /**
   * @param x - `[batch, height, width, channels]`; borrowed.
   * @param pass - In training the batch's statistics are added to `pass.statistics`.
   * @returns Shaped as `x`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const { weight, bias, runningMean, runningVariance } = this;
    if (!pass.training) {
      const statistics = { mean: runningMean.value, variance: runningVariance.value };
      return batchNormInference(x, weight.value, bias.value, statistics.mean, statistics.variance, this.#epsilon);
    }
    const { output, mean, variance } = batchNorm(x, weight.value, bias.value, this.#epsilon);
    const count = x.size / weight.size;
    pass.statistics?.set(runningMean.path!, mean);
    pass.statistics?.set(
      runningVariance.path!,
      this.#biased ? variance : tf.mul(variance, count / Math.max(1, count - 1)),
    );
    return output;
  }
}
