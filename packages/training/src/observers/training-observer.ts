/** Metrics by name. */
export type Metrics = Readonly<Record<string, number>>;

/** One optimizer step. All numbers are float32 values, so that a checkpoint keeps them exactly. */
export interface StepRecord {
  /** Counted from 1. */
  readonly step: number;
  /** Counted from 1. */
  readonly epoch: number;
  /** Mean over the batch, before the step: over its targets by their weights, where the model counts these. */
  readonly loss: number;
  /** Euclidean norm of all gradients together, before clipping. */
  readonly gradientNorm: number;
  /** Of this step. */
  readonly learningRate: number;
  /** The model's own metrics, and `adversaryLoss` and `adversaryGradientNorm` of a model that has an adversary. */
  readonly metrics: Metrics;
  /** Wall-clock time of the step, making its batch included. */
  readonly seconds: number;
  /** Sum of the weights of the step's targets; absent where the model does not count them. */
  readonly targetWeight?: number;
}

/** One evaluation: before training (`epoch` 0), after each epoch, and at the end. */
export interface EpochRecord {
  /** Epochs finished; a fraction where a run ends within an epoch. */
  readonly epoch: number;
  /** Steps taken. */
  readonly step: number;
  /** Mean training loss since the previous evaluation, each step by its `targetWeight`; absent before training. */
  readonly trainLoss?: number;
  /** What `evaluate` returned. */
  readonly metrics: Metrics;
  /** Wall-clock time since the previous evaluation, this one included. */
  readonly seconds: number;
}

/** All records of a run since its first step, those before a resume included. */
export interface TrainingHistory {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
}

/** Size and position of a run. */
export interface RunDescription {
  /** Steps taken; above 0 when a resumed run starts. */
  readonly step: number;
  /** Steps in the whole run. */
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Examples in a step. */
  readonly batchSize: number;
}

/** How a run ended: after its last step, by early stopping, by its signal, or with an error (which `train` then throws). */
export type RunStatus = "completed" | "stopped-early" | "aborted" | "failed";

/**
 * Callbacks on the events of a run. Each call is awaited, in the order of the list of observers, so that nothing is lost
 * when the run ends; one that fails ends the run with an `ObserverError`, its state kept.
 */
export interface TrainingObserver {
  /** For the error of one that fails; default the name of its class. */
  readonly name?: string | undefined;
  onStart?(run: RunDescription): void | Promise<void>;
  /** After each step. */
  onStep?(record: StepRecord, run: RunDescription): void | Promise<void>;
  /** What a run's user may want to know, in a sentence: that its steps cannot be compiled, and why. Once a run at most. */
  onNotice?(notice: string, run: RunDescription): void | Promise<void>;
  /** After each evaluation, the one before training included; with `weightAverage` the model holds the averaged weights. */
  onEpoch?(record: EpochRecord, run: RunDescription): void | Promise<void>;
  /** Once for each observer whose `onStart` was called, however the run ended. */
  onEnd?(status: RunStatus, run: RunDescription): void | Promise<void>;
}
