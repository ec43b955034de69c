import type * as tf from "@tensorflow/tfjs-core";
import { checkGroups, groupNorm } from "../layers/group-norm.js";
import { filled } from "../weights/initializers.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Options of {@link GroupNorm}. */
export interface GroupNormModuleOptions {
  readonly channels: number;
  /** Number of groups, a divisor of the channels. Default: groups of 8 channels, or of the largest divisor below. */
  readonly groups?: number;
  /** Added to the variance; 1e-5 when absent. */
  readonly epsilon?: number;
}

/**
 * Group normalization over images: each image's groups of channels by their own mean and variance, in training and after
 * alike; see {@link groupNorm}.
 *
 * @see Wu and He 2018, https://arxiv.org/abs/1803.08494
 */
export class GroupNorm extends Module {
  /** `[channels]`, at first 1. */
  readonly weight: Parameter<tf.Tensor1D>;
  /** `[channels]`, at first 0. */
  readonly bias: Parameter<tf.Tensor1D>;
  readonly groups: number;
  readonly #epsilon: number;

  /** @throws a `ConfigError` when `groups` does not divide the channels. */
  constructor({ channels, groups = defaultGroups(channels), epsilon = 1e-5 }: GroupNormModuleOptions) {
    super();
    checkGroups("GroupNorm", groups, channels);
    this.weight = new Parameter({ shape: [channels], initial: filled(1) });
    this.bias = new Parameter({ shape: [channels], initial: filled(0) });
    this.groups = groups;
    this.#epsilon = epsilon;
  }

  /**
   * @param x - `[batch, height, width, channels]`; borrowed.
   * @returns Shaped as `x`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return groupNorm(x, this.weight.value, this.bias.value, { groups: this.groups, epsilon: this.#epsilon });
  }
}

function defaultGroups(channels: number): number {
  const size = [8, 7, 6, 5, 4, 3, 2].find((each) => channels % each === 0) ?? 1;
  return channels / size;
}
