import { AbortedError } from "@mmgen/core";
import { BestWeights } from "../checkpoints/best-weights.js";
import {
  type Configuration,
  restoreTrainingState,
  type TrainingParts,
  writeTrainingState,
} from "../checkpoints/training-state.js";
import { ExampleOrder } from "../data/example-order.js";
import type { EpochRecord, StepRecord } from "../observers/training-history.js";
import type { RunDescription, RunStatus, TrainingObserver } from "../observers/training-observer.js";
import { toTransform } from "../optimizers/adamw.js";
import { Optimizer } from "../optimizers/optimizer.js";
import { WeightAverage } from "../optimizers/weight-average.js";
import { stoppingVerdict } from "./early-stopping.js";
import { stepBatch, takeStep } from "./take-step.js";
import type { TrainingResult, TrainOptions } from "./train.js";

/** The course of one call of `train`: where it stands, and what comes next. */
export class TrainingRun<Batch, Aux> {
  readonly #options: TrainOptions<Batch, Aux>;
  readonly #order: ExampleOrder;
  readonly #holdings: TrainingParts;
  readonly #totalSteps: number;
  readonly #configuration: Configuration;
  readonly #steps: StepRecord[] = [];
  readonly #epochs: EpochRecord[] = [];
  /** When the work that the next epoch record covers began, in ms. */
  #since = performance.now();

  constructor(options: TrainOptions<Batch, Aux>) {
    const { model, examples, batchSize, epochs, steps, random, resume } = options;
    this.#options = options;
    this.#order = new ExampleOrder(random.fork("order"), examples.count, batchSize);
    this.#totalSteps = steps ?? epochs! * this.#order.stepsPerEpoch;
    this.#configuration = runConfiguration(options);
    const { optimizer, weightAverage, earlyStopping } = options;
    this.#holdings = {
      model,
      optimizer: Optimizer.create(model.parameters, toTransform(optimizer)),
      average: weightAverage && new WeightAverage(model.parameters, weightAverage),
      best: (earlyStopping?.restoreBest ?? earlyStopping !== undefined) ? new BestWeights() : undefined,
    };
    if (resume !== undefined) {
      try {
        const expected = { random: random.save(), configuration: this.#configuration };
        const { history } = restoreTrainingState(resume, this.#holdings, expected);
        this.#steps.push(...history.steps);
        this.#epochs.push(...history.epochs);
      } catch (error) {
        this.dispose();
        throw error;
      }
    }
  }

  async go(): Promise<TrainingResult> {
    let status: RunStatus = "failed";
    const started: TrainingObserver[] = [];
    try {
      for (const observer of this.#options.observers ?? []) {
        started.push(observer);
        await observer.onStart?.(this.#description());
      }
      if (this.#options.resume === undefined) {
        const { model, random } = this.#options;
        await model.initialize?.(await stepBatch(this.#options, this.#order, 0), random.fork("initialise"));
        this.#holdings.average?.restart();
      }
      status = await this.#advance();
      const state = await this.#state();
      await this.#options.checkpoint?.write(state);
      this.#leaveWeights(status);
      const history = { steps: this.#steps, epochs: this.#epochs };
      return { status, step: this.#step, history, state };
    } finally {
      await this.#tellEnd(started, status);
    }
  }

  dispose(): void {
    this.#holdings.optimizer.dispose();
    this.#holdings.average?.dispose();
  }

  get #step(): number {
    return this.#steps.length;
  }

  async #advance(): Promise<"completed" | "stopped-early" | "aborted"> {
    const { checkpoint, signal, earlyStopping } = this.#options;
    while (!signal?.aborted) {
      const atBoundary = this.#step % this.#order.stepsPerEpoch === 0 || this.#step >= this.#totalSteps;
      if (atBoundary && this.#epochs.at(-1)?.step !== this.#step) {
        if (!(await this.#evaluate())) {
          return "aborted";
        }
        if (this.#step > 0 && this.#step < this.#totalSteps) {
          await checkpoint?.write(await this.#state());
        }
      }
      if (this.#step >= this.#totalSteps) {
        return "completed";
      }
      if (earlyStopping !== undefined && stoppingVerdict(earlyStopping, this.#epochs).isOver) {
        return "stopped-early";
      }
      if (signal?.aborted) {
        return "aborted";
      }
      await this.#takeStep();
      // The end of an epoch, or of the run, writes its own.
      const everySteps = checkpoint?.everySteps;
      const endsEpoch = this.#step % this.#order.stepsPerEpoch === 0 || this.#step >= this.#totalSteps;
      if (everySteps !== undefined && this.#step % everySteps === 0 && !endsEpoch) {
        await checkpoint?.write(await this.#state());
      }
    }
    return "aborted";
  }

  async #takeStep(): Promise<void> {
    const record = await takeStep(this.#options, this.#order, this.#holdings, this.#step);
    this.#steps.push(record);
    await this.#tell((observer) => observer.onStep?.(record, this.#description()));
  }

  /** Evaluates, unless the signal stops it: then there is no record, and the resumed run starts with this evaluation. */
  async #evaluate(): Promise<boolean> {
    const { average } = this.#holdings;
    average?.exchange();
    try {
      return await this.#evaluateAsIs();
    } finally {
      average?.exchange();
    }
  }

  async #evaluateAsIs(): Promise<boolean> {
    const { model, evaluate, signal, earlyStopping } = this.#options;
    const step = this.#step;
    const epoch = step / this.#order.stepsPerEpoch;
    let metrics = {};
    try {
      metrics = (await evaluate?.({ epoch, step, signal })) ?? {};
    } catch (error) {
      if (signal?.aborted && AbortedError.isInstance(error)) {
        return false;
      }
      throw error;
    }
    const trained = this.#steps.slice(this.#epochs.at(-1)?.step ?? 0);
    const trainLoss = trained.reduce((sum, { loss }) => sum + loss, 0) / trained.length;
    const now = performance.now();
    const record: EpochRecord = {
      epoch,
      step,
      ...(trained.length > 0 ? { trainLoss } : {}),
      metrics,
      seconds: (now - this.#since) / 1000,
    };
    this.#since = now;
    this.#epochs.push(record);
    if (earlyStopping !== undefined && stoppingVerdict(earlyStopping, this.#epochs).waited === 0) {
      await this.#holdings.best?.capture(model);
    }
    await this.#tell((observer) => observer.onEpoch?.(record, this.#description()));
    return true;
  }

  /** What the model keeps when the run is over and its state is written. */
  #leaveWeights(status: RunStatus): void {
    const { model, average, best } = this.#holdings;
    average?.exchange();
    if (status !== "aborted") {
      best?.apply(model);
    }
  }

  #state(): Promise<Uint8Array> {
    return writeTrainingState(this.#holdings, {
      step: this.#step,
      random: this.#options.random.save(),
      configuration: this.#configuration,
      history: { steps: this.#steps, epochs: this.#epochs },
    });
  }

  #description(): RunDescription {
    const { stepsPerEpoch } = this.#order;
    return { step: this.#step, totalSteps: this.#totalSteps, stepsPerEpoch, batchSize: this.#options.batchSize };
  }

  async #tell(call: (observer: TrainingObserver) => unknown): Promise<void> {
    for (const observer of this.#options.observers ?? []) {
      await call(observer);
    }
  }

  /** Tells every observer, whichever of them fails: each may hold a file or a terminal. */
  async #tellEnd(observers: readonly TrainingObserver[], status: RunStatus): Promise<void> {
    const failures: unknown[] = [];
    for (const observer of observers) {
      try {
        await observer.onEnd?.(status, this.#description());
      } catch (error) {
        failures.push(error);
      }
    }
    // What the run itself failed with says more.
    if (failures.length > 0 && status !== "failed") {
      throw failures[0];
    }
  }
}

/** What has to be equal for a resumed run to be the same run. */
function runConfiguration<Batch, Aux>(options: TrainOptions<Batch, Aux>): Configuration {
  const { batchSize, examples, schedule, optimizer, configuration = {} } = options;
  const { gradientAccumulation, weightAverage, earlyStopping } = options;
  return {
    batchSize,
    examples: examples.count,
    schedule: schedule.configuration ?? {},
    optimizer: toTransform(optimizer).configuration ?? {},
    gradientAccumulation,
    weightAverage,
    earlyStopping,
    ...configuration,
  };
}
