import {
  AbortedError,
  ConfigError,
  type ExampleSource,
  inFirstProcess,
  type ProcessGroup,
  parseJson,
  type Random,
  readSafetensorsMetadata,
  soleProcess,
} from "@mmgen/core";
import {
  fields,
  number,
  oneOf,
  optional,
  pipe,
  positiveNumber,
  resolveOptions,
  rule,
  shareBelowOne,
  wholeNumber,
} from "@mmgen/core/options";
import type { TensorTrainable } from "@mmgen/nn/layers";
import {
  type AdamWOptions,
  type AdversaryOptions,
  type Configuration,
  cosineSchedule,
  type EarlyStopping,
  earlyStoppingSchema,
  type GradientTransform,
  type Metrics,
  muon,
  type Schedule,
  type TrainingHistory,
  type TrainingObserver,
  train,
  type WeightAverageOptions,
  weightAverageSchema,
} from "@mmgen/training";

/** How long and how fast a model is trained, at a learning rate that climbs, then falls along a cosine. */
export interface TrainingSettings {
  /** AdamW, or Muon for hidden weights: fewer steps, each a little longer (see `muon`). Default `"adamw"`. */
  readonly optimizer?: "adamw" | "muon" | undefined;
  /** Passes over the examples. Give this or `steps`. */
  readonly epochs?: number | undefined;
  /** Optimizer steps in all. Give this or `epochs`. */
  readonly steps?: number | undefined;
  /** Examples a step. */
  readonly batchSize: number;
  /** Highest learning rate, per step. */
  readonly learningRate: number;
  /** Learning rate at the last step, where the cosine ends. Default 0. */
  readonly finalLearningRate?: number | undefined;
  /** Steps over which the learning rate climbs first. Default 0. */
  readonly warmUpSteps?: number | undefined;
  /** Largest norm of all gradients together; longer ones are scaled down to it. Default: no clipping. */
  readonly clipNorm?: number | undefined;
  /** Share of a weight matrix taken away each step, times the learning rate. Default 0.01. */
  readonly weightDecay?: number | undefined;
  /** Decay of the gradient's running mean. Default 0.9. */
  readonly beta1?: number | undefined;
  /** Decay of the squared gradient's running mean. Default 0.999. */
  readonly beta2?: number | undefined;
  /**
   * Ends the training when evaluations get no better, with the weights of the best one. Needs held-out data. Its `metric` is
   * by default their loss: `heldOutLoss` of an image codec, `natsPerId` of a transformer.
   */
  readonly earlyStopping?: EarlyStopping | undefined;
  /** Equal parts that a step's batch is taken in, to save memory. Default 1. */
  readonly gradientAccumulation?: number | undefined;
  /** Keeps a moving average of the weights, which the trained model then has. Default: none. */
  readonly weightAverage?: WeightAverageOptions | undefined;
}

const trainingEntries = {
  optimizer: optional(oneOf(["adamw", "muon"])),
  epochs: optional(wholeNumber({ min: 1 })),
  steps: optional(wholeNumber({ min: 1 })),
  batchSize: wholeNumber({ min: 1 }),
  learningRate: number({ min: 0 }),
  finalLearningRate: optional(number({ min: 0 })),
  warmUpSteps: optional(wholeNumber({ min: 0 })),
  clipNorm: optional(positiveNumber()),
  weightDecay: optional(number({ min: 0 })),
  beta1: optional(shareBelowOne()),
  beta2: optional(shareBelowOne()),
  earlyStopping: optional(earlyStoppingSchema),
  gradientAccumulation: optional(wholeNumber({ min: 1 })),
  weightAverage: optional(weightAverageSchema),
};

/** Names of the fields of {@link TrainingSettings}. */
export const trainingFields = Object.keys(trainingEntries);

const trainingSchema = pipe(
  fields(trainingEntries),
  rule("epochs", ({ epochs, steps }) =>
    (epochs === undefined) === (steps === undefined)
      ? `expected either epochs or steps, got ${epochs === undefined ? "neither" : "both"}.`
      : undefined,
  ),
);

/** Names of a {@link StageOptions}' fields. */
export const stageFields = [
  ...["training", "seed", "checkpoint", "configuration", "runId", "observers", "signal", "group"],
] as const;

/** Where a training keeps its state, so that an interrupted one goes on. */
export interface StageCheckpoint {
  /** The state written last; undefined where there is none, and the training starts anew. */
  readonly read: () => Promise<Uint8Array | undefined>;
  /** Called after each epoch, by time, and at the end, whatever it is: the signal or an error too. */
  readonly write: (state: Uint8Array) => Promise<void>;
  /** Writes every so many steps too. */
  readonly everySteps?: number | undefined;
  /** Writes also when so many seconds have passed since the last writing. Default 600. */
  readonly everySeconds?: number | undefined;
}

/** Observers of a training, or what gives them once there is the model that it trains, which they may use and not change. */
export type StageObservers<Model> = readonly TrainingObserver[] | ((model: Model) => readonly TrainingObserver[]);

/** What every training of this package takes beside its model and data. */
export interface StageOptions<Model = unknown> {
  readonly training: TrainingSettings;
  /** Seed of the first weights and of every draw of the training. */
  readonly seed: number;
  /** Goes on from the state that lies there, bit for bit as if it had never stopped. Default: no checkpoint. */
  readonly checkpoint?: StageCheckpoint | undefined;
  /**
   * Kept in the checkpoint; a resume with another one is refused. Plain JSON, or what gives it from the stored one, where
   * the training goes on. Default: none.
   */
  readonly configuration?: Configuration | ((stored: Configuration | undefined) => Configuration) | undefined;
  /**
   * Id of the run that the checkpoint belongs to; a checkpoint with another one is refused. Or what gives it from the
   * stored one, as `runIdOf` does. Default: none.
   */
  readonly runId?: string | ((stored: string | undefined) => string | Promise<string>) | undefined;
  /** Told of the training. Default: none. */
  readonly observers?: StageObservers<Model> | undefined;
  /** Stops after the step at hand: the checkpoint is written and an `AbortedError` thrown. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Processes that train together: each makes the same call, and the first one alone reads and writes the checkpoint, has its
   * observers called and evaluates. Default: this process alone.
   */
  readonly group?: ProcessGroup | undefined;
}

/** What a stage trains. */
type StageModel<Batch, Aux> = TensorTrainable<Batch, Aux> & { dispose(): void };

/** A model, its examples and what names them. */
export interface Stage<Batch, Aux, Model extends StageModel<Batch, Aux>> extends StageOptions<Model> {
  /** Names the model in errors: `image codec`. */
  readonly label: string;
  /** Disposed where the training fails or is stopped; else the caller's. */
  readonly model: Model;
  readonly examples: ExampleSource<Batch>;
  readonly random: Random;
  /** Called in the first process of a group alone. */
  readonly evaluate?: ((context: { readonly epoch: number }) => Promise<Metrics>) | undefined;
  /** What early stopping watches where the settings name no metric. Default: `loss`. */
  readonly stoppingMetric?: string | undefined;
  /** How the model's discriminator learns, where it has one. Default: as the model. */
  readonly adversary?: AdversaryOptions | undefined;
}

/**
 * Trains a model from its checkpoint, if there is one, to the end.
 *
 * @throws an {@link AbortedError} when the signal fires; the checkpoint is then written.
 */
export async function runStage<Batch, Aux, Model extends StageModel<Batch, Aux>>(
  stage: Stage<Batch, Aux, Model>,
): Promise<TrainingHistory> {
  const { adversary, checkpoint, examples, group = soleProcess, label, model, random, signal, stoppingMetric } = stage;
  // The others take the first one's metrics.
  const evaluate = stage.evaluate && (group.rank === 0 ? stage.evaluate : async () => ({}));
  try {
    const training = resolveTrainingSettings(stage.training);
    const steps = totalSteps(training, examples.count);
    const schedule = learningRateSchedule(training, steps);
    const resume = await inFirstProcess(group, async () => checkpoint?.read());
    const stored = resume && storedIds(resume);
    const configuration = resolve(stage.configuration, stored?.configuration);
    const runId = await resolve(stage.runId, stored?.runId);
    const { batchSize, earlyStopping, gradientAccumulation, weightAverage } = training;
    const { status, step, history } = await train({
      ...{ model, examples, batchSize, steps, schedule, random, group },
      optimizer: optimizerOf(training),
      ...(earlyStopping && {
        earlyStopping: { ...earlyStopping, metric: earlyStopping.metric ?? stoppingMetric },
      }),
      ...(gradientAccumulation !== undefined && { gradientAccumulation }),
      ...(weightAverage && { weightAverage }),
      ...(adversary && { adversary }),
      ...(evaluate && { evaluate }),
      ...(checkpoint && { checkpoint: writerOf(checkpoint) }),
      ...(configuration && { configuration }),
      ...(runId !== undefined && { runId }),
      ...(resume && { resume }),
      observers: observersOf(stage.observers, model),
      ...(signal && { signal }),
    });
    if (status === "aborted") {
      const next = checkpoint ? "The same call with the same checkpoint goes on from there." : "It left no checkpoint.";
      throw new AbortedError(`Stopped while training the ${label}, after step ${step} of ${steps}. ${next}`, {
        cause: signal?.reason,
      });
    }
    return history;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The observers of a model's training. */
export function observersOf<Model>(
  observers: StageObservers<Model> | undefined,
  model: Model,
): readonly TrainingObserver[] {
  return (typeof observers === "function" ? observers(model) : observers) ?? [];
}

/** What a training state says of its run; what it does not say as it should, `train` refuses. */
function storedIds(state: Uint8Array): { readonly configuration?: Configuration; readonly runId?: string } {
  const { run = "" } = readSafetensorsMetadata(state);
  const { configuration, runId } = (parseJson(run).value ?? {}) as Record<string, unknown>;
  return {
    ...(typeof configuration === "object" &&
      configuration !== null && { configuration: configuration as Configuration }),
    ...(typeof runId === "string" && { runId }),
  };
}

function resolve<Value, Stored>(option: Value | ((stored: Stored) => Value), stored: Stored): Value {
  return typeof option === "function" ? (option as (stored: Stored) => Value)(stored) : option;
}

/**
 * Checks settings field by field.
 *
 * @param path - The name under which the caller knows them.
 * @throws a {@link ConfigError} for an unknown field, one out of range, or unless exactly one of `epochs` and `steps` is
 *   given.
 */
export function resolveTrainingSettings(settings: TrainingSettings, path = "training"): TrainingSettings {
  return resolveOptions(trainingSchema, settings, { path }) as TrainingSettings;
}

/**
 * Steps that the settings ask for.
 *
 * @param count - Training examples.
 * @throws a {@link ConfigError} when there are fewer examples than a batch takes.
 */
export function totalSteps({ batchSize, epochs, steps }: TrainingSettings, count: number): number {
  if (batchSize > count) {
    throw new ConfigError(
      `batchSize: a step needs ${batchSize} examples and there are ${count}. Take a smaller batchSize or more examples.`,
    );
  }
  return steps ?? Math.floor(count / batchSize) * epochs!;
}

/**
 * Learning rate by step: a linear climb, then half a cosine.
 *
 * @throws a {@link ConfigError} when a rate or the number of warm-up steps is out of range.
 */
export function learningRateSchedule(settings: TrainingSettings, steps: number): Schedule {
  const { finalLearningRate, learningRate, warmUpSteps = 0 } = settings;
  return cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps, finalLearningRate });
}

function optimizerOf({ optimizer, ...training }: TrainingSettings): AdamWOptions | GradientTransform {
  const given = (["beta1", "beta2", "clipNorm", "weightDecay"] as const).filter((name) => training[name] !== undefined);
  const options: AdamWOptions = Object.fromEntries(given.map((name) => [name, training[name]]));
  return optimizer === "muon" ? muon(options) : options;
}

function writerOf({ everySeconds, everySteps, write }: StageCheckpoint) {
  return {
    write,
    ...(everySteps !== undefined && { everySteps }),
    ...(everySeconds !== undefined && { everySeconds }),
  };
}
