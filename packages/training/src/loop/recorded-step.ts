import { ConfigError, type LossOptions, type LossResult, type Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer } from "../optimizers/optimizer.js";
import type { AverageShares, WeightAverage } from "../optimizers/weight-average.js";
import { lossAndGradients, metricsOf, type StepContext } from "./training-step.js";

/** A loss of tensors by name. */
export type LossOfTensors<Aux> = (tensors: tf.NamedTensorMap, options: LossOptions) => LossResult<tf.Scalar, Aux>;

/** What a recorded step changes, and by which loss. */
export interface RecordedParts<Aux> {
  readonly model: Pick<TensorTrainable<never, Aux>, "parameters" | "buffers" | "adversary" | "afterStep">;
  readonly loss: LossOfTensors<Aux>;
  readonly optimizer: Optimizer;
  readonly average?: WeightAverage | undefined;
  /** Of the parameters of the model's adversary, where it has one. */
  readonly adversary?: Optimizer | undefined;
}

/** What differs from step to step; all of it is borrowed. */
export interface RecordedInputs {
  readonly batch: tf.NamedTensorMap;
  readonly learningRate: tf.Scalar;
  /** The adversary's, where there is one. */
  readonly adversaryRate?: tf.Scalar | undefined;
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
  { average, adversary, loss, model, optimizer }: RecordedParts<Aux>,
  { batch, learningRate, adversaryRate = learningRate, random, shares, step }: RecordedInputs,
): Record<string, tf.Scalar> {
  const kept: tf.Tensor[] = [];
  try {
    const taped = { parameters: model.parameters, buffers: model.buffers, adversary: model.adversary, loss };
    const found = lossAndGradients<tf.NamedTensorMap, Aux>(taped, batch, recordedOptions(random.fork("loss")), kept);
    const norms = [optimizer.record(found.gradients, { learningRate, step })];
    if (adversary !== undefined) {
      norms.push(adversary.record(found.adversary!.gradients, { learningRate: adversaryRate, step }));
    }
    if (shares !== undefined) {
      average?.record(shares);
    }
    model.afterStep?.(found.aux, random.fork("after-step"));
    const metrics = metricsOf(found, norms).map(([name, value], i) => [name, i < 2 ? value : tf.clone(value)] as const);
    return Object.fromEntries(metrics);
  } finally {
    tf.dispose(kept);
  }
}

/** The numbers of a step that is recorded, in the order of {@link namedNumbers}. */
export function numbersOf(
  { adversary, average, optimizer }: Pick<RecordedParts<unknown>, "adversary" | "average" | "optimizer">,
  { learningRate, adversaryRate = learningRate }: Pick<StepContext<never, unknown>, "learningRate" | "adversaryRate">,
): number[] {
  const step = optimizer.steps + 1;
  const shares = average?.shares(step);
  return [learningRate, step, ...(adversary ? [adversaryRate] : []), ...(shares ? [shares.kept, shares.added] : [])];
}

/** The numbers of {@link numbersOf} by what they are. */
export function namedNumbers(
  { adversary, average }: Pick<RecordedParts<unknown>, "adversary" | "average">,
  numbers: readonly tf.Scalar[],
): Omit<RecordedInputs, "batch" | "random"> {
  const [learningRate, step, ...rest] = numbers as readonly [tf.Scalar, tf.Scalar, ...tf.Scalar[]];
  const [adversaryRate] = adversary ? rest : [];
  const [kept, added] = rest.slice(adversary ? 1 : 0);
  return { learningRate, step, adversaryRate, shares: average && { kept: kept!, added: added! } };
}

/** The options of a recorded loss: the number of its step, as a number, would be the same in all steps. */
export function recordedOptions(random: Random): LossOptions {
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
