import { ConfigError, type StoredTensor } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { FlatLayout } from "./flat-layout.js";

/** How a run averages its weights. */
export interface WeightAverageOptions {
  /** Share of the average that each step keeps, in (0, 1): 0.999 averages over about the last thousand steps. */
  readonly decay: number;
}

/**
 * An exponential moving average of a model's weights: smoother than the weights themselves, and usually better.
 *
 * After step t the average keeps min(decay, (1 + t) / (10 + t)) of what it was, so that the first weights are soon
 * forgotten.
 *
 * @see Polyak and Juditsky 1992, https://doi.org/10.1137/0330046; the warm-up is that of TensorFlow's
 * `ExponentialMovingAverage`
 */
export class WeightAverage {
  readonly #decay: number;
  readonly #layout: FlatLayout;
  readonly #average: tf.Variable;

  /** An average that starts from the present values of `variables`, which are borrowed. */
  constructor(variables: ReadonlyMap<string, tf.Variable>, { decay }: WeightAverageOptions) {
    this.#decay = decay;
    this.#layout = new FlatLayout(variables);
    this.#average = tf.tidy(() => tf.variable(this.#layout.flatten(), false));
  }

  /** Starts again from the variables' present values. */
  restart(): void {
    tf.tidy(() => this.#average.assign(this.#layout.flatten()));
  }

  /** Takes in the variables' values after `step` steps. */
  update(step: number): void {
    const kept = Math.min(this.#decay, (1 + step) / (10 + step));
    tf.tidy(() => {
      // Uploaded, not constants: a backend that compiles graphs meets the same one each step.
      const old = tf.mul(this.#average, tf.scalar(kept));
      this.#average.assign(tf.add(old, tf.mul(this.#layout.flatten(), tf.scalar(1 - kept))));
    });
  }

  /** Puts the average into the variables and keeps their values in its place; a second call undoes the first, to the bit. */
  exchange(): void {
    tf.tidy(() => {
      const held = this.#layout.flatten();
      this.#layout.assign(this.#average as tf.Tensor as tf.Tensor1D);
      this.#average.assign(held);
    });
  }

  /** The averages by `average.<variable>`. Reads. */
  async toArrays(): Promise<[string, StoredTensor][]> {
    return this.#layout.split("average", (await this.#average.data()) as Float32Array);
  }

  /** @throws a `CheckpointError` when an average is missing or shaped otherwise; nothing is changed then. */
  restore(arrays: ReadonlyMap<string, StoredTensor>): void {
    const flat = this.#layout.join("average", arrays);
    tf.tidy(() => this.#average.assign(tf.tensor1d(flat)));
  }

  /** Frees the average; the variables are not its own. Safe to call twice. */
  dispose(): void {
    this.#average.dispose();
  }
}

/** @throws a {@link ConfigError} when an option is out of range. */
export function checkWeightAverage({ decay }: WeightAverageOptions): void {
  if (!(decay > 0 && decay < 1)) {
    throw new ConfigError(`weightAverage.decay: expected a number between 0 and 1, got ${decay}.`);
  }
}
