// `tf.variableGrads` needs the gradients of ordinary operations, which tfjs-core alone does not have.
import "@mmgen/nn/gradients";
import { ConfigError, DataError, type LossOptions, type LossResult, type Random } from "@mmgen/core";
import { type TensorTrainable, tensorsIn } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer } from "../optimizers/optimizer.js";
import type { WeightAverage } from "../optimizers/weight-average.js";

/** The metrics of a step by name: `loss`, `gradientNorm` and the model's own. */
export interface StepMetrics {
  readonly names: readonly string[];
  /** `[names.length]`; the caller's. */
  readonly values: tf.Tensor1D;
  /** {@link LossResult.targetWeight}. */
  readonly weight: number | undefined;
}

/** {@link StepMetrics}, read back. */
export interface ReadMetrics {
  readonly names: readonly string[];
  readonly values: readonly number[];
  /** {@link LossResult.targetWeight} of the whole step. */
  readonly weight: number | undefined;
}

/** What a step changes, and how. */
export interface StepContext<Batch, Aux> {
  readonly model: TensorTrainable<Batch, Aux>;
  readonly optimizer: Optimizer;
  /** Updated with the weights after the step. */
  readonly average?: WeightAverage | undefined;
  /** Of this step. */
  readonly learningRate: number;
  /** This step's own stream. */
  readonly random: Random;
}

/** Options of {@link trainingStep}. */
export interface TrainingStepOptions<Batch, Aux> extends StepContext<Batch, Aux> {
  readonly batch: Batch;
}

/**
 * One step: loss, gradients, optimizer, `afterStep`.
 *
 * Reads nothing back: all metrics come in one tensor, so that reading it runs the whole step at once on a backend that
 * records first.
 *
 * @returns The step's metrics; `values` is yours to dispose.
 * @throws a {@link DataError} when the batch has no target.
 */
export function trainingStep<Batch, Aux>(options: TrainingStepOptions<Batch, Aux>): StepMetrics {
  const { model, batch, optimizer, average, learningRate, random } = options;
  const kept: tf.Tensor[] = [];
  try {
    let names: string[] = [];
    let weight: number | undefined;
    const values = tf.tidy(() => {
      const { value, gradients, metrics, aux, ...found } = lossAndGradients(
        model,
        batch,
        { training: true, random: random.fork("loss"), step: optimizer.steps },
        kept,
      );
      weight = found.weight;
      expectTargets(weight);
      const norm = optimizer.update(gradients, learningRate);
      average?.update(optimizer.steps);
      model.afterStep?.(aux, random.fork("after-step"));
      names = metricNames(metrics);
      return stackMetrics([value, norm, ...Object.values(metrics)]);
    });
    return { names, values, weight };
  } finally {
    tf.dispose(kept);
  }
}

/** @throws a {@link DataError} unless a step has a target to learn. */
export function expectTargets(weight: number | undefined): void {
  if (weight === 0) {
    throw new DataError(
      "A training step needs a target whose weight is above 0, and its batch has none. Leave such examples out, or take a larger batch.",
    );
  }
}

/** Result of {@link lossAndGradients}. */
export interface LossAndGradients<Aux> {
  readonly value: tf.Scalar;
  /** By the names of the model's parameters; none for a parameter that the loss does not depend on. */
  readonly gradients: Record<string, tf.Tensor>;
  readonly metrics: LossResult<tf.Scalar, Aux>["metrics"];
  readonly aux: Aux;
  readonly weight: number | undefined;
}

/**
 * A model's loss on a batch and its gradients.
 *
 * @param options - Handed to the loss as they are.
 * @param kept - Receives the tensors of `metrics` and `aux`, which no `tidy` disposes: dispose them after use.
 */
export function lossAndGradients<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  batch: Batch,
  options: LossOptions,
  kept: tf.Tensor[],
): LossAndGradients<Aux> {
  let result: LossResult<tf.Scalar, Aux> | undefined;
  // `variableGrads` disposes all tensors of the loss but the total: those needed after it have to be kept.
  const loss = () => {
    result = model.loss(batch, options);
    const tensors = [...tensorsIn(Object.values(result.metrics)), ...tensorsIn(result.aux)];
    tensors.forEach(tf.keep);
    kept.push(...tensors);
    return result.total;
  };
  const { value, grads } = gradientsOrNothing(() => tf.variableGrads(loss, [...model.parameters.values()]));
  // Without a prototype: a parameter may have any name.
  const gradients: Record<string, tf.Tensor> = Object.create(null);
  for (const [name, variable] of model.parameters) {
    const gradient = grads[variable.name];
    if (gradient != null) {
      gradients[name] = gradient;
    }
  }
  return { value, gradients, metrics: result!.metrics, aux: result!.aux, weight: result!.targetWeight };
}

/** Frees what tfjs keeps for the gradients of a loss where they fail: it does so itself only where they succeed. */
function gradientsOrNothing<Result>(compute: () => Result): Result {
  const { state } = tf.engine();
  try {
    return compute();
  } catch (error) {
    // Deeper, the tape is still that of an outer gradient.
    if (state.gradientDepth === 0) {
      for (const { saved } of state.activeTape ?? []) {
        tf.dispose(saved);
      }
      state.activeTape = [];
    }
    throw error;
  }
}

/** The names of a step's metrics, in the order of their values. */
export function metricNames(metrics: Readonly<Record<string, unknown>>): string[] {
  const names = ["loss", "gradientNorm", ...Object.keys(metrics)];
  if (new Set(names).size !== names.length) {
    throw new ConfigError(
      'A model\'s metrics may not be named "loss" or "gradientNorm": the loop reports those itself. Rename the metric.',
    );
  }
  return names;
}

/** Scalars as one `[count]` float32 tensor, to be read at once. */
export function stackMetrics(metrics: readonly tf.Scalar[]): tf.Tensor1D {
  return tf.stack(metrics.map((metric) => tf.cast(metric, "float32"))) as tf.Tensor1D;
}
