import type { StoredTensor } from "@mmgen/core";
import { fields, number, optional } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { type Held, HeldValues } from "../checkpoints/held-values.js";
import { assignStored, storeVariables } from "../checkpoints/stored-variables.js";
import { applyElementwise } from "./elementwise.js";
import type { Variables } from "./transform.js";

/** How a run averages its weights. */
export interface WeightAverageOptions {
  /** Share of the average that each step keeps, in (0, 1): 0.999 averages over about the last thousand steps. */
  readonly decay: number;
  /**
   * Batches that go through a model with buffers once more before each evaluation, without gradients, as a share of the
   * steps since the last one; before the final one, of the run's. At most 100 batches. From 0, where buffers stay those of
   * the last step's weights, to 1; default 0.25.
   */
  readonly recalibration?: number | undefined;
}

/** The shares of the average and of the variable in the average after a step; their sum is 1. */
export interface AverageShares<Value> {
  readonly kept: Value;
  readonly added: Value;
}

/** Schema of {@link WeightAverageOptions}. */
export const weightAverageSchema = fields({
  decay: number({ above: 0, below: 1 }),
  recalibration: optional(number({ min: 0, max: 1 })),
});

/**
 * An exponential moving average of a model's weights: smoother than the weights themselves, and usually better.
 *
 * After step t the average keeps min(decay, (1 + t) / (10 + t)) of its value, so that the first weights are soon
 * forgotten.
 *
 * @see Polyak and Juditsky 1992, https://doi.org/10.1137/0330046; the warm-up is that of TensorFlow's
 * `ExponentialMovingAverage`
 */
export class WeightAverage {
  readonly #decay: number;
  readonly #variables: Variables;
  /** By the variables' names in a checkpoint, `average.<variable>`. */
  readonly #averages = new Map<string, tf.Variable>();

  /** An average that starts from the present values of `variables`, which are borrowed. */
  constructor(variables: Variables, { decay }: WeightAverageOptions) {
    this.#decay = decay;
    this.#variables = variables;
    tf.tidy(() => {
      for (const [name, value] of variables) {
        this.#averages.set(`average.${name}`, tf.variable(tf.clone(value), false));
      }
    });
  }

  /** Keeps the averages as they are now, to go back to after an update that failed. */
  hold(): Held {
    return new HeldValues([...this.#averages.values()]);
  }

  /** Starts again from the variables' present values. */
  restart(): void {
    this.#forEach((average, variable) => average.assign(tf.clone(variable)));
  }

  /** Adds the variables' values after `step` steps to the average. */
  update(step: number): void {
    const { kept, added } = this.shares(step);
    // Tensors, not constants: a backend that compiles graphs compiles one for all steps.
    tf.tidy(() => this.record({ kept: tf.scalar(kept), added: tf.scalar(added) }));
  }

  /** How {@link WeightAverage.update} weighs after `step` steps. */
  shares(step: number): AverageShares<number> {
    const kept = Math.min(this.#decay, (1 + step) / (10 + step));
    return { kept, added: 1 - kept };
  }

  /** {@link WeightAverage.update} with the shares as tensors, which are borrowed. */
  record({ kept, added }: AverageShares<tf.Scalar>): void {
    tf.tidy(() => {
      const pairs: (readonly [tf.Variable, tf.Variable])[] = [];
      this.#forEach((average, variable) => void pairs.push([average, variable]));
      const moved = applyElementwise(pairs, ([average, variable]) => [
        tf.add(tf.mul(average!, kept), tf.mul(variable!, added)),
      ]);
      for (const [i, [average]] of pairs.entries()) {
        average.assign(moved[i]![0]!);
      }
    });
  }

  /** Swaps the variables' values and their averages; a second call undoes the first, bit for bit. */
  exchange(): void {
    this.#forEach((average, variable) => {
      const value = tf.clone<tf.Tensor>(variable);
      variable.assign(tf.clone(average));
      average.assign(value);
    });
  }

  /** The averages by `average.<variable>`. Reads. */
  toArrays(): Promise<Map<string, StoredTensor>> {
    return storeVariables(this.#averages);
  }

  /** @throws a `CheckpointError` when an average is missing or of another shape; nothing is changed then. */
  restore(arrays: ReadonlyMap<string, StoredTensor>): void {
    assignStored(this.#averages, arrays);
  }

  /** Frees the averages; the variables are not its own. Safe to call twice. */
  dispose(): void {
    tf.dispose([...this.#averages.values()]);
  }

  #forEach(action: (average: tf.Variable, variable: tf.Variable) => void): void {
    tf.tidy(() => {
      for (const [name, variable] of this.#variables) {
        action(this.#averages.get(`average.${name}`)!, variable);
      }
    });
  }
}
