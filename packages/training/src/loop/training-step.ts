// `tf.variableGrads` needs the gradients of ordinary operations, which tfjs-core alone does not have.
import "@mmgen/nn/gradients";
import { ConfigError, DataError, type LossOptions, type LossResult, type Random } from "@mmgen/core";
import { type TensorTrainable, tapedGradients, tensorsIn } from "@mmgen/nn";
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
  /** Of the parameters of the model's adversary, where it has one. */
  readonly adversary?: Optimizer | undefined;
  /** Of this step. */
  readonly learningRate: number;
  /** The adversary's, of this step. Default: `learningRate`. */
  readonly adversaryRate?: number | undefined;
  /** This step's own stream. */
  readonly random: Random;
}

/** Options of {@link trainingStep}. */
export interface TrainingStepOptions<Batch, Aux> extends StepContext<Batch, Aux> {
  readonly batch: Batch;
}

/**
 * One step: loss, gradients, optimizer, the adversary's too, `afterStep`.
 *
 * Reads nothing back: all metrics come in one tensor, so that reading it runs the whole step at once on a backend that
 * records first.
 *
 * @returns The step's metrics; `values` is yours to dispose.
 * @throws a {@link DataError} when the batch has no target.
 */
export function trainingStep<Batch, Aux>(options: TrainingStepOptions<Batch, Aux>): StepMetrics {
  const { model, batch, optimizer, average, adversary, learningRate, random } = options;
  const kept: tf.Tensor[] = [];
  try {
    let names: string[] = [];
    let weight: number | undefined;
    const values = tf.tidy(() => {
      const lossOptions = { training: true, random: random.fork("loss"), step: optimizer.steps };
      const found = lossAndGradients(model, batch, lossOptions, kept);
      weight = found.weight;
      expectTargets(weight);
      const norms = [optimizer.update(found.gradients, learningRate)];
      if (adversary !== undefined) {
        norms.push(adversary.update(found.adversary!.gradients, options.adversaryRate ?? learningRate));
      }
      average?.update(optimizer.steps);
      model.afterStep?.(found.aux, random.fork("after-step"));
      const metrics = metricsOf(found, norms);
      names = metrics.map(([name]) => name);
      return stackMetrics(metrics.map(([, value]) => value));
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
  /** Of a model with an adversary. */
  readonly adversary?: Pick<LossAndGradients<Aux>, "value" | "gradients"> | undefined;
}

/**
 * A model's loss on a batch and its gradients.
 *
 * @param options - Handed to the loss as they are.
 * Those of an adversary are of the same computation, each by the parameters of its own network.
 *
 * @param kept - Receives the tensors of `metrics` and `aux`, which no `tidy` disposes: dispose them after use. Those of
 *   `adversary` too.
 */
export function lossAndGradients<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  batch: Batch,
  options: LossOptions,
  kept: tf.Tensor[],
): LossAndGradients<Aux> {
  let result: LossResult<tf.Scalar, Aux> | undefined;
  let adversary: LossAndGradients<Aux>["adversary"];
  // `variableGrads` disposes all tensors of the loss but the total: those needed after it have to be kept.
  const loss = () => {
    result = model.loss(batch, options);
    if (model.adversary !== undefined) {
      adversary = adversaryGradients(result, model.adversary.parameters);
    }
    const tensors = [...tensorsIn(Object.values(result.metrics)), ...tensorsIn(result.aux), ...tensorsIn(adversary)];
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
  const { metrics, aux, targetWeight: weight } = result!;
  return { value, gradients, metrics, aux, weight, adversary };
}

/** The adversary's loss and its gradients, while the loss is recorded. */
function adversaryGradients(
  { adversaryTotal: value }: LossResult<tf.Scalar, unknown>,
  parameters: ReadonlyMap<string, tf.Variable>,
): { readonly value: tf.Scalar; readonly gradients: Record<string, tf.Tensor> } {
  if (value === undefined) {
    throw new ConfigError(
      "A model with an adversary gives adversaryTotal, the adversary's loss, with each loss; got none.",
    );
  }
  const found = tapedGradients(value, [...parameters.values()]);
  const gradients: Record<string, tf.Tensor> = Object.create(null);
  for (const [i, name] of [...parameters.keys()].entries()) {
    if (found[i] !== undefined) {
      gradients[name] = found[i];
    }
  }
  return { value, gradients };
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

/**
 * The metrics of a step, in order: `loss` and `gradientNorm`, the model's own, then `adversaryLoss` and
 * `adversaryGradientNorm` where there is an adversary.
 *
 * @param norms - Of the model's gradients, and of the adversary's.
 */
export function metricsOf(
  { value, metrics, adversary }: Pick<LossAndGradients<unknown>, "value" | "metrics" | "adversary">,
  [gradientNorm, adversaryGradientNorm]: readonly tf.Scalar[],
): (readonly [name: string, value: tf.Scalar])[] {
  const own = { loss: value, gradientNorm: gradientNorm! };
  const ofAdversary = adversary && { adversaryLoss: adversary.value, adversaryGradientNorm: adversaryGradientNorm! };
  const taken = Object.keys({ ...own, ...ofAdversary }).find((name) => Object.hasOwn(metrics, name));
  if (taken !== undefined) {
    throw new ConfigError(
      `A model's metrics may not be named "${taken}": the loop reports that itself. Rename the metric.`,
    );
  }
  return [own, metrics, ofAdversary ?? {}].flatMap((each) => Object.entries(each));
}

/** Scalars as one `[count]` float32 tensor, to be read at once. */
export function stackMetrics(metrics: readonly tf.Scalar[]): tf.Tensor1D {
  return tf.stack(metrics.map((metric) => tf.cast(metric, "float32"))) as tf.Tensor1D;
}

/** Lets timers, signals and messages come in between: steps of a backend that computes at once leave them no other chance. */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => soon(resolve));
}

/** Without the 4 ms that pages wait for each of several timers. */
const soon: (task: () => void) => void =
  (globalThis as Partial<typeof globalThis>).setImmediate ??
  ((task) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      task();
    };
    port2.postMessage(undefined);
  });
