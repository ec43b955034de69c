import { AbortedError } from "@mmgen/core";
import { AdamW, type AdamWOptions } from "./adamw.js";
import { DivergenceError } from "./divergence-error.js";
import { ExampleOrder } from "./example-order.js";
import type { TrainingResult, TrainOptions } from "./train.js";
import type { EpochRecord, StepRecord } from "./training-history.js";
import type { RunDescription, RunStatus } from "./training-observer.js";
import { type Configuration, restoreTrainingState, writeTrainingState } from "./training-state.js";
import { trainingStep } from "./training-step.js";

/** The course of one call of `train`: where it stands, and what comes next. */
export class TrainingRun<Batch, Aux> {
  readonly #options: TrainOptions<Batch, Aux>;
  readonly #order: ExampleOrder;
  readonly #optimiser: AdamW;
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
    this.#optimiser = AdamW.create(model.variables, options.optimiser);
    if (resume !== undefined) {
      try {
        const expected = { random: random.save(), configuration: this.#configuration };
        const { history } = restoreTrainingState(resume, model, this.#optimiser, expected);
        this.#steps.push(...history.steps);
        this.#epochs.push(...history.epochs);
      } catch (error) {
        this.#optimiser.dispose();
        throw error;
      }
    }
  }

  async go(): Promise<TrainingResult> {
    await this.#tell((observer) => observer.onStart?.(this.#description()));
    let status: RunStatus = "failed";
    try {
      if (this.#options.resume === undefined) {
        await this.#options.model.initialise?.(await this.#batch(0), this.#options.random.fork("initialise"));
      }
      status = await this.#advance();
      const state = await this.#state();
      await this.#options.checkpoint?.write(state);
      const history = { steps: this.#steps, epochs: this.#epochs };
      return { status, step: this.#step, history, state };
    } finally {
      await this.#tell((observer) => observer.onEnd?.(status, this.#description()));
    }
  }

  dispose(): void {
    this.#optimiser.dispose();
  }

  get #step(): number {
    return this.#steps.length;
  }

  async #advance(): Promise<"completed" | "aborted"> {
    const { checkpoint, signal } = this.#options;
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
    const { model, random, schedule } = this.#options;
    const before = performance.now();
    const step = this.#step;
    const batch = await this.#batch(step);
    const learningRate = schedule(step);
    const stream = random.fork("step").fork(step);
    const { names, values } = trainingStep({ model, batch, optimiser: this.#optimiser, learningRate, random: stream });
    const [loss, gradientNorm, ...figures] = await values.data();
    values.dispose();
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new DivergenceError(
        `Training diverged at step ${step + 1}: loss ${loss}, gradient norm ${gradientNorm}. ` +
          "Lower the learning rate, clip gradients (optimiser.clipNorm), or look for bad examples; then go on from an earlier checkpoint.",
        step + 1,
      );
    }
    const record: StepRecord = {
      step: step + 1,
      epoch: Math.floor(step / this.#order.stepsPerEpoch) + 1,
      loss: loss!,
      gradientNorm: gradientNorm!,
      learningRate: Math.fround(learningRate),
      metrics: Object.fromEntries(names.slice(2).map((name, i) => [name, figures[i]!])),
      seconds: Math.fround((performance.now() - before) / 1000),
    };
    this.#steps.push(record);
    await this.#tell((observer) => observer.onStep?.(record, this.#description()));
  }

  /** Evaluates, unless the signal stops it: then there is no record, and the resumed run starts with this evaluation. */
  async #evaluate(): Promise<boolean> {
    const { evaluate, signal } = this.#options;
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
    await this.#tell((observer) => observer.onEpoch?.(record, this.#description()));
    return true;
  }

  async #batch(step: number): Promise<Batch> {
    const { examples, random } = this.#options;
    const epoch = Math.floor(step / this.#order.stepsPerEpoch);
    const stream = random.fork("batch").fork(step);
    return examples.batch(this.#order.indices(step), { epoch, training: true, random: stream });
  }

  #state(): Promise<Uint8Array> {
    return writeTrainingState(this.#options.model, this.#optimiser, {
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

  async #tell(call: (observer: NonNullable<TrainOptions<Batch, Aux>["observers"]>[number]) => unknown): Promise<void> {
    for (const observer of this.#options.observers ?? []) {
      await call(observer);
    }
  }
}

/** What has to be equal for a resumed run to be the same run. */
function runConfiguration<Batch, Aux>(options: TrainOptions<Batch, Aux>): Configuration {
  const { batchSize, examples, schedule, optimiser = {}, configuration = {} } = options;
  const { beta1, beta2, epsilon, weightDecay, clipNorm }: AdamWOptions = optimiser;
  return {
    batchSize,
    examples: examples.count,
    schedule: schedule.configuration ?? {},
    optimiser: { beta1, beta2, epsilon, weightDecay, clipNorm },
    ...configuration,
  };
}
