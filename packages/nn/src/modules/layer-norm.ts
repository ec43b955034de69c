import type * as tf from "@tensorflow/tfjs-core";
import { layerNorm } from "../layers/layer-norm.js";
import { rmsNorm } from "../layers/rms-norm.js";
import { filled } from "../weights/initializers.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Options of {@link LayerNorm}. */
export interface LayerNormModuleOptions {
  readonly width: number;
  /** Whether an offset is added; true when absent. */
  readonly bias?: boolean;
  /** Added to the variance; 1e-5 when absent. */
  readonly epsilon?: number;
}

/** Normalizes the last axis to mean 0 and variance 1, then scales and shifts it; see {@link layerNorm}. */
export class LayerNorm extends Module {
  /** `[width]`, at first 1. */
  readonly weight: Parameter<tf.Tensor1D>;
  /** `[width]`, at first 0. */
  readonly bias: Parameter<tf.Tensor1D> | undefined;
  readonly #epsilon: number;

  constructor({ width, bias = true, epsilon = 1e-5 }: LayerNormModuleOptions) {
    super();
    this.weight = new Parameter({ shape: [width], initial: filled(1) });
    this.bias = bias ? new Parameter({ shape: [width], initial: filled(0) }) : undefined;
    this.#epsilon = epsilon;
  }

  /**
   * @param x - `[…, width]`, float32; borrowed.
   * @returns Shaped as `x`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor): tf.Tensor {
    return layerNorm(x, this.weight.value, this.bias?.value, { epsilon: this.#epsilon });
  }
}

/** Options of {@link RmsNorm}. */
export interface RmsNormModuleOptions {
  readonly width: number;
  /** Added to the mean square; 1e-5 when absent. */
  readonly epsilon?: number;
}

/** Divides the last axis by its root mean square, then scales it; see {@link rmsNorm}. */
export class RmsNorm extends Module {
  /** `[width]`, at first 1. */
  readonly weight: Parameter<tf.Tensor1D>;
  readonly #epsilon: number;

  constructor({ width, epsilon = 1e-5 }: RmsNormModuleOptions) {
    super();
    this.weight = new Parameter({ shape: [width], initial: filled(1) });
    this.#epsilon = epsilon;
  }

  /**
   * @param x - `[…, width]`, float32; borrowed.
   * @returns Shaped as `x`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor): tf.Tensor {
    return rmsNorm(x, this.weight.value, { epsilon: this.#epsilon });
  }
}
