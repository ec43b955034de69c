import { ConfigError, type LossOptions, type LossResult, type Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer } from "../optimizers/optimizer.js";
import type { AverageShares, WeightAverage } from "../optimizers/weight-average.js";
import { lossAndGradients, metricNames } from "./training-step.js";

/** A loss of tensors by name. */
export type LossOfTensors<Aux> = (tensors: tf.NamedTensorMap, options: LossOptions) => LossResult<tf.Scalar, Aux>;

/** What a recorded step changes, and by which loss. */
export interface RecordedParts<Aux> {
  readonly model: Pick<TensorTrainable<never, Aux>, "parameters" | "buffers" | "afterStep">;
  readonly loss: LossOfTensors<Aux>;
  readonly optimizer: Optimizer;
  readonly average?: WeightAverage | undefined;
}

/** What differs from step to step; all of it is borrowed. */
export interface RecordedInputs {
  readonly batch: tf.NamedTensorMap;
  readonly learningRate: tf.Scalar;
  /** Counted from 1, float32. */
  readonly step: tf.Scalar;
  /** Of the weight average, where there is one. */
  readonly shares?: AverageShares<tf.Scalar> | undefined;
  /** Draws, or records what is to be drawn. */
  readonly random: Random;
}

/**
 * A training step all of whose numbers are tensors, so that it can be recorded once and run many times: loss, gradients,
 * optimizer, weight average, `afterStep`. Call it inside a `tf.tidy`.
 *
 * @returns The metrics by name, `loss` and `gradientNorm` first.
 */
export function recordStep<Aux>(
  { average, loss, model, optimizer }: RecordedParts<Aux>,
  { batch, learningRate, random, shares, step }: RecordedInputs,
): Record<string, tf.Scalar> {
  const kept: tf.Tensor[] = [];
  try {
    const taped = { parameters: model.parameters, buffers: model.buffers, loss };
    const found = lossAndGradients<tf.NamedTensorMap, Aux>(taped, batch, recordedOptions(random.fork("loss")), kept);
    const norm = optimizer.record(found.gradients, { learningRate, step });
    if (shares !== undefined) {
      average?.record(shares);
    }
    model.afterStep?.(found.aux, random.fork("after-step"));
    const names = metricNames(found.metrics);
    const metrics = [found.value, norm, ...Object.values(found.metrics).map((metric) => tf.clone(metric))];
    return Object.fromEntries(names.map((name, i) => [name, metrics[i]!]));
  } finally {
    tf.dispose(kept);
  }
}

/** The options of a recorded loss: the number of its step, as a number, would be the same in all steps. */
function recordedOptions(random: Random): LossOptions {
  return {
    training: true,
    random,
    get step(): number {
      throw new ConfigError(
        "This model's loss depends on the number of the step, which differs from step to step. Make the model without what " +
          "starts late or ramps up, or hand it over with the batch (uploadBatch).",
      );
    },
  };
}
