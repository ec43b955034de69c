import type { ExampleSource } from "@mmgen/core";
import { ConfigError, type Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import type { Configuration } from "../checkpoints/training-state.js";
import type { Metrics, TrainingHistory } from "../observers/training-history.js";
import type { TrainingObserver } from "../observers/training-observer.js";
import type { AdamWOptions } from "../optimizers/adamw.js";
import type { Schedule } from "../optimizers/schedules.js";
import type { GradientTransform } from "../optimizers/transform.js";
import { checkWeightAverage, type WeightAverageOptions } from "../optimizers/weight-average.js";
import { checkEarlyStopping, type EarlyStopping } from "./early-stopping.js";
import { TrainingRun } from "./training-run.js";

/** Options of {@link train}. */
export interface TrainOptions<Batch, Aux> {
  /** Trained in place; borrowed. */
  readonly model: TensorTrainable<Batch, Aux>;
  readonly examples: ExampleSource<Batch>;
  /** Examples a step; every step has exactly as many. */
  readonly batchSize: number;
  /** Passes over the examples. Give this or `steps`. */
  readonly epochs?: number;
  /** Steps in all, resumed ones included. Give this or `epochs`. */
  readonly steps?: number;
  /** Learning rate by step. */
  readonly schedule: Schedule;
  /** Options of AdamW, or another optimizer, put together of transforms. Default: AdamW with its defaults. */
  readonly optimizer?: AdamWOptions | GradientTransform;
  /**
   * Equal parts that a step's batch is taken in, one after the other, their gradients averaged: the activations of a
   * part in memory, and the step of the whole where the loss is a mean over examples, but for dropout and what a model
   * does in `afterStep`. Parts weigh the same, however much padding is in each. Divides `batchSize`; default 1.
   */
  readonly gradientAccumulation?: number;
  /**
   * Keeps an exponential moving average of the weights. `evaluate` and `onEpoch` find it in the model in the weights'
   * place, and so does who called `train`, when it returns.
   */
  readonly weightAverage?: WeightAverageOptions;
  /** Ends the run when evaluations get no better. The model then has the weights of the best one, also after the last step. */
  readonly earlyStopping?: EarlyStopping;
  /** Where all of the run's randomness comes from; forked, never drawn from. */
  readonly random: Random;
  /** Called before training, after each epoch and at the end; its figures go into the history. See {@link evaluateLoss}. */
  readonly evaluate?: (context: EvaluationContext) => Promise<Metrics>;
  readonly observers?: readonly TrainingObserver[];
  /** Receives the run's state after each epoch, every `everySteps` steps, and when the run ends or is stopped. */
  readonly checkpoint?: {
    readonly everySteps?: number;
    readonly write: (state: Uint8Array) => Promise<void> | void;
  };
  /** Kept in the state beside what the loop knows itself; a resume with another one is refused. Plain JSON. */
  readonly configuration?: Configuration;
  /** A state that `checkpoint.write` or an earlier result gave: the run goes on from it, as if it had never stopped. */
  readonly resume?: Uint8Array;
  /** Stops the run after the step at hand; the result then has status "aborted" and a state to resume from. */
  readonly signal?: AbortSignal;
}

/** What {@link TrainOptions.evaluate} is told. */
export interface EvaluationContext {
  /** Epochs finished. */
  readonly epoch: number;
  /** Steps taken. */
  readonly step: number;
  /** The run's signal; an evaluation may stop with an `AbortedError` when it fires. */
  readonly signal: AbortSignal | undefined;
}

/** What a run came to. */
export interface TrainingResult {
  readonly status: "completed" | "stopped-early" | "aborted";
  /** Steps taken, resumed ones included. */
  readonly step: number;
  readonly history: TrainingHistory;
  /** For {@link TrainOptions.resume}: a safetensors file of weights, averages, moments, step, random state, configuration and history. */
  readonly state: Uint8Array;
}

/**
 * Trains a model: initialization on the first batch, an evaluation, then steps, with an evaluation after each epoch.
 *
 * Everything random is a function of `random`'s seed and the step, so a run stopped and resumed equals the
 * uninterrupted one bit for bit on the same backend. Each step reads once: all its figures together.
 *
 * @throws a {@link ConfigError} when the options do not fit together.
 * @throws a `CheckpointError` when `resume` is damaged, of another model, or of a run set up otherwise.
 * @throws a {@link DivergenceError} when a loss or gradient is NaN or infinite, naming the step.
 */
export async function train<Batch, Aux = unknown>(options: TrainOptions<Batch, Aux>): Promise<TrainingResult> {
  checkTrainOptions(options);
  const run = new TrainingRun(options);
  try {
    return await run.go();
  } finally {
    run.dispose();
  }
}

function checkTrainOptions<Batch, Aux>(options: TrainOptions<Batch, Aux>): void {
  const { examples, batchSize, epochs, steps, checkpoint, gradientAccumulation = 1, earlyStopping, evaluate } = options;
  const check = (name: string, value: number, least: number) => {
    if (!Number.isInteger(value) || value < least) {
      throw new ConfigError(`${name}: expected a whole number of at least ${least}, got ${value}.`);
    }
  };
  check("batchSize", batchSize, 1);
  if (examples.count < batchSize) {
    throw new ConfigError(
      `batchSize: a step needs ${batchSize} examples and there are ${examples.count}. Take a smaller batchSize or more examples.`,
    );
  }
  if ((epochs === undefined) === (steps === undefined)) {
    throw new ConfigError(`train: give either epochs or steps, got ${epochs === undefined ? "neither" : "both"}.`);
  }
  check(epochs === undefined ? "steps" : "epochs", (epochs ?? steps)!, 0);
  check("gradientAccumulation", gradientAccumulation, 1);
  if (batchSize % gradientAccumulation !== 0) {
    throw new ConfigError(
      `gradientAccumulation: batches of ${batchSize} cannot be taken in ${gradientAccumulation} equal parts.`,
    );
  }
  if (options.weightAverage !== undefined) {
    checkWeightAverage(options.weightAverage);
  }
  if (earlyStopping !== undefined) {
    checkEarlyStopping(earlyStopping);
    if (evaluate === undefined) {
      throw new ConfigError("earlyStopping: needs evaluate, whose figures it watches.");
    }
  }
  if (checkpoint?.everySteps !== undefined) {
    check("checkpoint.everySteps", checkpoint.everySteps, 1);
  }
}
