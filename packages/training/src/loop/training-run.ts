import type { RunConfigurations } from "../checkpoints/compare-configurations.js";
import { HeldValues } from "../checkpoints/held-values.js";
import { modelVariables } from "../checkpoints/stored-variables.js";
import { restoreTrainingState, writeTrainingState } from "../checkpoints/training-state.js";
import { ExampleOrder } from "../data/example-order.js";
import { weightedMeans } from "../data/weighted-means.js";
import type { RunGroup } from "../group/run-group.js";
import { ObserverList } from "../observers/observer-list.js";
import type {
  EpochRecord,
  RunDescription,
  RunStatus,
  StepRecord,
  TrainingHistory,
} from "../observers/training-observer.js";
import { stoppingVerdict } from "./early-stopping.js";
import { recalibrate } from "./recalibrate.js";
import { DivergenceError, describeFailure } from "./run-errors.js";
import { createParts, disposeParts, type RunParts, runTransforms } from "./run-parts.js";
import { stepBatch, takeStep } from "./take-step.js";
import { defaultCheckpointSeconds, runConfigurations, type TrainOptions } from "./train-options.js";
import { letOthersRun } from "./training-step.js";

/** Result of {@link train}. */
export interface TrainingResult {
  readonly status: Exclude<RunStatus, "failed">;
  /** Steps taken, those before a resume included. */
  readonly step: number;
  readonly history: TrainingHistory;
  /** For {@link TrainOptions.resume}: a safetensors file of weights, averages, moments, step, random state, configuration and history. */
  readonly state: Uint8Array;
}

/** Batches that go through a model with averaged weights before an evaluation, at most: the memory of an EMA codebook. */
const maxRecalibration = 100;

/** Default of {@link WeightAverageOptions.recalibration}. */
const defaultRecalibration = 0.25;

/** One call of `train`: what has happened, and what comes next. */
export class TrainingRun<Batch, Aux> {
  readonly #options: TrainOptions<Batch, Aux>;
  readonly #group: RunGroup;
  readonly #observers: ObserverList;
  readonly #order: ExampleOrder;
  readonly #parts: RunParts<Batch, Aux>;
  readonly #totalSteps: number;
  readonly #configurations: RunConfigurations;
  #steps: StepRecord[] = [];
  #epochs: EpochRecord[] = [];
  #isNoticed = false;
  /** When the work that the next epoch record covers started, in ms. */
  #since = performance.now();
  /** When the state was last written, in ms. */
  #lastState = performance.now();

  constructor(options: TrainOptions<Batch, Aux>, group: RunGroup) {
    const { examples, batchSize, epochs, steps, random, resume } = options;
    const transforms = runTransforms(options);
    this.#options = group.isAlone ? options : { ...options, gradientAccumulation: group.parts };
    this.#group = group;
    this.#observers = new ObserverList(group.isFirst ? options.observers : []);
    this.#order = new ExampleOrder(random.fork("order"), examples.count, batchSize);
    this.#totalSteps = steps ?? epochs! * this.#order.stepsPerEpoch;
    this.#configurations = runConfigurations(options, transforms);
    this.#parts = createParts(options, transforms, group);
    if (resume !== undefined) {
      try {
        const expected = { random: random.save(), runId: options.runId, ...this.#configurations };
        const { history } = restoreTrainingState(resume, this.#parts, expected);
        this.#steps = [...history.steps];
        this.#epochs = [...history.epochs];
      } catch (error) {
        this.dispose();
        throw error;
      }
    }
  }

  async train(): Promise<TrainingResult> {
    let status: RunStatus = "failed";
    let state: Uint8Array | undefined;
    let begun = false;
    try {
      await this.#observers.start(this.#description());
      if (this.#options.resume === undefined) {
        const { model, random } = this.#options;
        if (this.#group.isFirst) {
          // The stream is labeled in British English, as when seeds were first drawn from it.
          await model.initialize?.(await stepBatch(this.#options, this.#order, 0), random.fork("initialise"));
        }
        await this.#group.shareVariables(modelVariables(model));
        this.#parts.average?.restart();
        this.#parts.buffers?.capture();
      }
      begun = true;
      const end = await this.#advance();
      state = await this.#writeState();
      this.#assignFinalWeights(end);
      // Machines of several kinds round differently.
      await this.#group.shareVariables(modelVariables(this.#options.model));
      status = end;
      const history = { steps: this.#steps, epochs: this.#epochs };
      return { status, step: this.#step, history, state };
    } catch (error) {
      throw await this.#group.fail(error, async (failure) =>
        begun ? this.#keepState(failure) : describeFailure(failure, { step: this.#step, state: undefined }),
      );
    } finally {
      await this.#observers.end(status, this.#description()).catch((failure) => {
        throw describeFailure(failure, { step: this.#step, state });
      });
    }
  }

  dispose(): void {
    disposeParts(this.#parts);
  }

  get #step(): number {
    return this.#steps.length;
  }

  async #advance(): Promise<TrainingResult["status"]> {
    const { earlyStopping } = this.#options;
    while (!this.#group.isStopping) {
      if (this.#isEvaluationDue() && this.#epochs.at(-1)?.step !== this.#step) {
        if (!(await this.#evaluate())) {
          return "aborted";
        }
        if (this.#checkpoint !== undefined && this.#isBoundary() && this.#step > 0 && this.#step < this.#totalSteps) {
          await this.#writeState();
        }
      }
      if (this.#step >= this.#totalSteps) {
        return "completed";
      }
      if (earlyStopping !== undefined && stoppingVerdict(earlyStopping, this.#epochs).isOver) {
        return "stopped-early";
      }
      await letOthersRun();
      if (this.#group.isStopping) {
        return "aborted";
      }
      const record = await takeStep(this.#options, this.#order, this.#parts, this.#step);
      this.#steps.push(record);
      await this.#noticeRefusal();
      await this.#observers.notify("onStep", (observer) => observer.onStep?.(record, this.#description()));
      // The end of an epoch, or of the run, writes a state of its own.
      if (!this.#isBoundary() && this.#isStateDue()) {
        await this.#writeState();
      }
    }
    return "aborted";
  }

  /** Says once why steps are not compiled. */
  async #noticeRefusal(): Promise<void> {
    const { inParts, shared, whole } = this.#parts;
    const { refusal } = shared ?? inParts ?? whole;
    if (refusal !== undefined && !this.#isNoticed) {
      this.#isNoticed = true;
      const reason = refusal instanceof Error ? refusal.message : String(refusal);
      const notice = `Steps are not compiled, and take longer: ${reason}`;
      await this.#observers.notify("onNotice", (observer) => observer.onNotice?.(notice, this.#description()));
    }
  }

  /** Whether an epoch, or the run, is complete. */
  #isBoundary(): boolean {
    return this.#step % this.#order.stepsPerEpoch === 0 || this.#step >= this.#totalSteps;
  }

  #isEvaluationDue(): boolean {
    const { evaluateEverySteps } = this.#options;
    return this.#isBoundary() || (evaluateEverySteps !== undefined && this.#step % evaluateEverySteps === 0);
  }

  /** Evaluates, on the averaged weights and their buffers where there are such. `false` when the signal stops it. */
  async #evaluate(): Promise<boolean> {
    const { average, buffers, model } = this.#parts;
    average?.exchange();
    const own = buffers && new HeldValues([...model.buffers.values()]);
    try {
      const isReady = buffers === undefined || (await this.#group.complete(() => this.#recalibrate()));
      return isReady && (await this.#evaluateModel());
    } finally {
      own?.restore();
      own?.dispose();
      average?.exchange();
    }
  }

  /** Moves the buffers from the last step's weights to the averaged ones. `false` when the signal stops it. */
  #recalibrate(): Promise<boolean> {
    const { recalibration = defaultRecalibration } = this.#options.weightAverage!;
    const step = this.#step;
    // The final weights get their share of the whole run, also after short epochs.
    const steps = step < this.#totalSteps ? step - (this.#epochs.at(-1)?.step ?? 0) : step;
    const passes = Math.min(maxRecalibration, Math.ceil(recalibration * steps));
    return recalibrate(this.#options, this.#order, { step, passes });
  }

  /** An evaluation that the signal stops leaves no record, so that the resumed run starts with it. */
  async #evaluateModel(): Promise<boolean> {
    const { model, evaluate, signal, earlyStopping } = this.#options;
    const step = this.#step;
    const epoch = step / this.#order.stepsPerEpoch;
    const metrics = await this.#group.evaluate(() => evaluate?.({ epoch, step, signal }));
    if (metrics === undefined) {
      return false;
    }
    const trained = this.#steps.slice(this.#epochs.at(-1)?.step ?? 0);
    const losses = weightedMeans(trained.map(({ loss, targetWeight }) => ({ values: [loss], weight: targetWeight })));
    const now = performance.now();
    const record: EpochRecord = {
      epoch,
      step,
      ...(losses && { trainLoss: losses.values[0]! }),
      metrics,
      seconds: (now - this.#since) / 1000,
    };
    this.#since = now;
    this.#parts.buffers?.capture();
    this.#epochs.push(record);
    if (earlyStopping !== undefined && stoppingVerdict(earlyStopping, this.#epochs).waited === 0) {
      await this.#parts.best?.capture(model);
    }
    await this.#observers.notify("onEpoch", (observer) => observer.onEpoch?.(record, this.#description()));
    return true;
  }

  /** Gives the model the averaged or the best weights, once the state has those of the last step. */
  #assignFinalWeights(status: RunStatus): void {
    const { model, average, buffers, best } = this.#parts;
    average?.exchange();
    if (status !== "aborted") {
      buffers?.apply();
      best?.apply(model);
    }
  }

  /** Whether so many steps or seconds have passed since the last state. */
  #isStateDue(): boolean {
    if (this.#checkpoint === undefined) {
      return false;
    }
    const { everySteps, everySeconds = defaultCheckpointSeconds } = this.#checkpoint;
    const bySteps = everySteps !== undefined && this.#step % everySteps === 0;
    return bySteps || performance.now() - this.#lastState >= 1000 * everySeconds;
  }

  /** Writes the state where the options say, if they do. */
  async #writeState(): Promise<Uint8Array> {
    const state = await this.#state();
    await this.#checkpoint?.write(state);
    this.#lastState = performance.now();
    return state;
  }

  /** Keeps the state of a run that has failed in the middle, and says so in the errors that can be gone on from. */
  async #keepState(error: unknown): Promise<unknown> {
    // The state of a run that diverged would replace an earlier, better one.
    if (DivergenceError.isInstance(error)) {
      return error;
    }
    const step = this.#step;
    const where = this.#options.checkpoint === undefined ? "in this error's `state`" : "written";
    let state: Uint8Array | undefined;
    try {
      state = await this.#state();
      await this.#checkpoint?.write(state);
      return describeFailure(error, { step, state, kept: `The state after step ${step} is ${where}: resume from it.` });
    } catch (reason) {
      const kept = `The state after step ${step} could not be written: ${(reason as Error).message}`;
      return describeFailure(error, { step, state, kept });
    }
  }

  /** Where the state goes; only the first process of a group writes. */
  get #checkpoint() {
    return this.#group.isFirst ? this.#options.checkpoint : undefined;
  }

  #state(): Promise<Uint8Array> {
    return writeTrainingState(this.#parts, {
      step: this.#step,
      random: this.#options.random.save(),
      runId: this.#options.runId,
      ...this.#configurations,
      history: { steps: this.#steps, epochs: this.#epochs },
    });
  }

  #description(): RunDescription {
    const { stepsPerEpoch } = this.#order;
    return { step: this.#step, totalSteps: this.#totalSteps, stepsPerEpoch, batchSize: this.#options.batchSize };
  }
}
