import { type ExampleSource, isFileBytes, type ProcessGroup, type Random } from "@mmgen/core";
import {
  fields,
  functionValue,
  listOf,
  number,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  seededRandom,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import type { PartStatistics, TensorTrainable } from "@mmgen/nn";
import type { Configuration, RunConfigurations } from "../checkpoints/compare-configurations.js";
import type { Metrics, TrainingObserver } from "../observers/training-observer.js";
import type { AdamWOptions } from "../optimizers/adamw.js";
import type { Schedule } from "../optimizers/schedules.js";
import type { GradientTransform } from "../optimizers/transform.js";
import { type WeightAverageOptions, weightAverageSchema } from "../optimizers/weight-average.js";
import { type EarlyStopping, earlyStoppingSchema } from "./early-stopping.js";

/** Options of `train`. */
export interface TrainOptions<Batch, Aux> {
  /** Trained in place; borrowed. */
  readonly model: TensorTrainable<Batch, Aux>;
  readonly examples: ExampleSource<Batch>;
  /** Examples in a step; every step has exactly as many. */
  readonly batchSize: number;
  /** Passes over the examples. Give this or `steps`. */
  readonly epochs?: number;
  /** Steps of the whole run, those before a resume included. Give this or `epochs`. */
  readonly steps?: number;
  /** Learning rate by step. */
  readonly schedule: Schedule;
  /** Options of `adamW`, or another optimizer as a {@link GradientTransform}. Default: AdamW with its defaults. */
  readonly optimizer?: AdamWOptions | GradientTransform;
  /** How the model's `adversary` is trained; only for a model that has one. Default: by AdamW, at the model's rates. */
  readonly adversary?: AdversaryOptions;
  /**
   * Number of equal parts in which a step processes its batch, one after the other, averaging their gradients: only one
   * part's activations are in memory at a time. Equals a step on the whole batch where the loss is a mean over examples,
   * or over targets that the model counts (`targetWeight`), but for dropout and for what a model does in `afterStep`.
   * Divides `batchSize`; default 1.
   */
  readonly gradientAccumulation?: number;
  /**
   * Keeps an exponential moving average of the weights. The model holds the average during `evaluate` and `onEpoch`, and
   * when `train` returns. Buffers (batch statistics, EMA codebooks) are then moved to the averaged weights: before each
   * evaluation a share of the batches since the last one goes through the model once more, without gradients
   * ({@link WeightAverageOptions.recalibration}). After an abort the model has the averaged weights and the buffers of the last step's.
   */
  readonly weightAverage?: WeightAverageOptions;
  /** Ends the run when evaluations stop improving. The model then has the weights of the best one, also after the last step. Default: none. */
  readonly earlyStopping?: EarlyStopping;
  /** Seeds everything random in the run; forked, never drawn from. */
  readonly random: Random;
  /** Called before training, after each epoch and at the end; its metrics go into the history. See `evaluateLoss`. Default: none. */
  readonly evaluate?: (context: EvaluationContext) => Promise<Metrics>;
  /**
   * Steps between two evaluations within an epoch, for examples of which one pass takes long. Such an evaluation is
   * recorded as the others, its `epoch` a fraction. Default: none within an epoch.
   */
  readonly evaluateEverySteps?: number;
  /** Called at the start, after each step and evaluation, and at the end. Default: none. */
  readonly observers?: readonly TrainingObserver[];
  /**
   * Receives the run's state after each epoch, every so many steps and seconds, and when the run ends, by an error too but
   * for a `DivergenceError`. Default: none.
   */
  readonly checkpoint?: CheckpointOptions;
  /** Kept in the state beside the loop's own settings; a resume with another one is refused. Plain JSON. Default: none. */
  readonly configuration?: Configuration;
  /**
   * Id of the run that this training's files belong to, kept in the state: one with another id is refused, one of before
   * there were ids is taken. Default: none.
   */
  readonly runId?: string;
  /** A state from `checkpoint.write` or an earlier result: the run continues from it as if it had never stopped. Default: none. */
  readonly resume?: Uint8Array;
  /**
   * Stops the run after the current step; the result then has status "aborted" and a state to resume from. In a group the
   * signal of any process stops all. Default: none.
   */
  readonly signal?: AbortSignal;
  /**
   * Processes that train together: each calls `train` with the same options, computes its share of every step's batch, and
   * ends with the same model. A step is computed in `gradientAccumulation` equal parts, by default one a process; each
   * process takes as many of them, and the numbers depend on the parts, not on who computes them. The first process's
   * `resume` counts, it alone writes `checkpoint` and has its `observers` called, and its `evaluate`'s metrics are everyone's,
   * though all call it (where it computes with the group, it has to fail in all or in none). A process that fails ends the run everywhere. Default: this process alone.
   */
  readonly group?: ProcessGroup;
  /**
   * Of a step in a group: what running statistics of batch norms move to, the `mean` of those of all parts, or those of the
   * `first` part. (Each part is normalized by its own.) Default "mean".
   */
  readonly batchStatistics?: PartStatistics;
}

/** How the second network of a model is trained. */
export interface AdversaryOptions {
  /** Options of `adamW`, or another optimizer; adversarial training often has betas of .5 and .9. Default: AdamW with its defaults. */
  readonly optimizer?: AdamWOptions | GradientTransform | undefined;
  /** Learning rate by step. Default: the model's. */
  readonly schedule?: Schedule | undefined;
}

/** Where the state of a run goes, and how often. */
export interface CheckpointOptions {
  /** Steps between two states within an epoch. Absent: as the time says. */
  readonly everySteps?: number | undefined;
  /** Seconds after which a state is written within an epoch, counted from the last one. Default 600, ten minutes. */
  readonly everySeconds?: number | undefined;
  readonly write: (state: Uint8Array) => Promise<void> | void;
}

/** Argument of {@link TrainOptions.evaluate}. */
export interface EvaluationContext {
  /** Epochs finished. */
  readonly epoch: number;
  /** Steps taken. */
  readonly step: number;
  /** The run's signal; an evaluation may stop with an `AbortedError` when it fires. */
  readonly signal: AbortSignal | undefined;
}

/** Default of {@link CheckpointOptions.everySeconds}. */
export const defaultCheckpointSeconds = 600;

/** Schemas of the fields that say how often a state is written. */
export const checkpointTimes = {
  everySteps: optional(wholeNumber({ min: 1 })),
  everySeconds: optional(number({ min: 0 })),
};

const object = (expectation: string, accepts: (object: Record<string, unknown>) => boolean = () => true) =>
  value<object>(
    expectation,
    (candidate) => typeof candidate === "object" && candidate !== null && accepts(candidate as Record<string, unknown>),
  );

/** Whether JSON can hold it; a cycle or a bigint throws, which refuses it too. */
const isPlainJson = (candidate: object) =>
  Object.getPrototypeOf(candidate) === Object.prototype && JSON.stringify(candidate) !== undefined;

/** Schemas of the fields that `train` and `evaluateLoss` share. */
export const runFields = {
  model: object("a model with parameters and a loss", ({ loss }) => typeof loss === "function"),
  examples: object(
    "an ExampleSource: an object with a count and a batch function",
    ({ count, batch }) => Number.isSafeInteger(count) && typeof batch === "function",
  ),
  batchSize: wholeNumber({ min: 1 }),
  signal: optional(object("an AbortSignal", ({ aborted }) => typeof aborted === "boolean")),
};

/** Schema of a {@link ProcessGroup}. */
export const processGroup = object(
  "a ProcessGroup: an object with rank, size, sum and broadcast",
  ({ broadcast, rank, size, sum }) =>
    typeof sum === "function" &&
    typeof broadcast === "function" &&
    Number.isSafeInteger(size) &&
    Number.isSafeInteger(rank) &&
    (rank as number) >= 0 &&
    (rank as number) < (size as number),
);

const optimizerValue = object("an object of options, or a transform", ({ init }) => init !== null);

const trainSchema = pipe(
  fields({
    ...runFields,
    epochs: optional(wholeNumber({ min: 0 })),
    steps: optional(wholeNumber({ min: 0 })),
    schedule: functionValue(),
    optimizer: optional(optimizerValue),
    adversary: optional(fields({ optimizer: optional(optimizerValue), schedule: optional(functionValue()) })),
    gradientAccumulation: optional(wholeNumber({ min: 1 }), 1),
    weightAverage: optional(weightAverageSchema),
    earlyStopping: optional(earlyStoppingSchema),
    random: seededRandom(),
    evaluate: optional(functionValue()),
    evaluateEverySteps: optional(wholeNumber({ min: 1 })),
    observers: optional(listOf(object("a TrainingObserver"))),
    checkpoint: optional(fields({ ...checkpointTimes, write: functionValue() })),
    configuration: optional(object("a plain object that JSON can hold", isPlainJson)),
    runId: optional(text()),
    resume: optional(value("the bytes of a training state", isFileBytes)),
    group: optional(processGroup),
    batchStatistics: optional(oneOf(["mean", "first"])),
  }),
  rule("epochs", ({ epochs, steps }) =>
    (epochs === undefined) === (steps === undefined)
      ? `expected either epochs or steps, got ${epochs === undefined ? "neither" : "both"}.`
      : undefined,
  ),
  rule("batchSize", ({ batchSize, examples }) => {
    const { count } = examples as ExampleSource<unknown>;
    return count < batchSize
      ? `a step needs ${batchSize} examples and there are ${count}. Use a smaller batchSize or more examples.`
      : undefined;
  }),
  rule("gradientAccumulation", ({ batchSize, gradientAccumulation }) =>
    batchSize % gradientAccumulation === 0
      ? undefined
      : `a batch of ${batchSize} cannot be divided into ${gradientAccumulation} equal parts.`,
  ),
  rule("group", ({ batchSize, gradientAccumulation, group, model }) =>
    explainGroup(group, model, { batchSize, gradientAccumulation }),
  ),
  rule("adversary", ({ adversary, model }) =>
    adversary !== undefined && (model as TensorTrainable<never>).adversary === undefined
      ? "this model has no second network. Leave it out."
      : undefined,
  ),
  rule("earlyStopping", ({ earlyStopping, evaluate }) =>
    earlyStopping !== undefined && evaluate === undefined
      ? "needs evaluate, which gives the metric to watch."
      : undefined,
  ),
);

/** Explains why a group cannot train a model so; `undefined` if it can. */
function explainGroup(
  group: object | undefined,
  model: object,
  { batchSize, gradientAccumulation }: { readonly batchSize: number; readonly gradientAccumulation: number },
): string | undefined {
  const { size } = (group ?? { size: 1 }) as ProcessGroup;
  const { afterParts, afterStep, partSums } = model as TensorTrainable<never>;
  if (size > 1 && afterStep !== undefined && (partSums === undefined || afterParts === undefined)) {
    return "this model updates buffers in afterStep, which in a group needs partSums and afterParts. Add them, or train in one process.";
  }
  const parts = gradientAccumulation === 1 ? size : gradientAccumulation;
  if (parts % size !== 0) {
    return `${parts} parts of a step (gradientAccumulation) cannot be divided equally among ${size} processes.`;
  }
  return batchSize % parts === 0 ? undefined : `a batch of ${batchSize} cannot be divided among ${size} processes.`;
}

/** @throws a `ConfigError` when an option is unknown, out of range, or does not fit the others. */
export function checkTrainOptions(options: unknown): void {
  resolveOptions(trainSchema, options);
}

/** The optimizers of a run as transforms. */
export interface RunTransforms {
  readonly optimizer: GradientTransform;
  /** Of the model's adversary, where it has one. */
  readonly adversary: GradientTransform | undefined;
}

/** What a resumed run has to share with the run that wrote the state. */
export function runConfigurations<Batch, Aux>(
  { batchSize, examples, schedule, configuration = {}, ...options }: TrainOptions<Batch, Aux>,
  { optimizer, adversary }: RunTransforms,
): RunConfigurations {
  const settings = {
    batchSize,
    examples: examples.count,
    schedule: schedule.configuration ?? {},
    optimizer: optimizer.configuration ?? {},
    adversary: adversary && {
      optimizer: adversary.configuration ?? {},
      schedule: options.adversary?.schedule?.configuration,
    },
    gradientAccumulation: options.gradientAccumulation,
    weightAverage: options.weightAverage,
    earlyStopping: options.earlyStopping,
  };
  return { settings, configuration };
}
