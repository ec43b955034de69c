import { formatDuration } from "./format.js";

/** Prints what a run does, on standard error unless told otherwise, and keeps the time of each stage. */
export class ProgressReporter {
  readonly stream: NodeJS.WritableStream;
  readonly #seconds: Record<string, number> = {};
  #stage: string | undefined;
  #since = performance.now();

  constructor(stream: NodeJS.WritableStream = process.stderr) {
    this.stream = stream;
  }

  /** Begins a stage; the one before is over. */
  stage(name: string): void {
    this.endStage();
    this.#stage = name;
    this.stream.write(`\n${name}\n`);
  }

  /** The current stage; undefined between stages. */
  get currentStage(): string | undefined {
    return this.#stage;
  }

  /** Ends the current stage. */
  endStage(): void {
    const now = performance.now();
    if (this.#stage !== undefined) {
      this.#seconds[this.#stage] = (now - this.#since) / 1000;
    }
    this.#stage = undefined;
    this.#since = now;
  }

  /** Wall-clock seconds of the stages that are over. */
  get seconds(): Readonly<Record<string, number>> {
    return { ...this.#seconds };
  }

  /** Prints a warning, if there is one. */
  warn(warning: string | undefined): void {
    if (warning !== undefined) {
      this.log(`Warning: ${warning}`);
    }
  }

  /** Prints one line. */
  readonly log = (text: string): void => {
    this.stream.write(`${text}\n`);
  };
}

/** Notified of a training's start and steps, as the observers of `@mmgen/training` are; `seconds` are wall-clock time. */
export interface StepObserver {
  onStart(): void;
  onStep(record: { readonly step: number; readonly seconds: number }, run: { readonly totalSteps: number }): void;
}

/**
 * Stops a run as Ctrl-C would once `steps` steps of a training have been taken, and prints how long all of it would take.
 *
 * @param steps - At least 1, counted from where the training starts or resumes.
 */
export function stopAfter(
  steps: number,
  interrupt: AbortController,
  progress: Pick<ProgressReporter, "log" | "currentStage">,
): StepObserver {
  let [taken, seconds] = [0, 0];
  return {
    onStart: () => {
      [taken, seconds] = [0, 0];
    },
    onStep: (record, { totalSteps }) => {
      taken++;
      seconds += record.seconds;
      if (taken === steps && record.step < totalSteps) {
        const perStep = seconds / taken;
        const left = formatDuration(perStep * (totalSteps - record.step));
        progress.log(
          `${progress.currentStage ?? "Training"}: ${taken} ${taken === 1 ? "step" : "steps"} at ${(1000 * perStep).toFixed(0)} ms; ` +
            `all ${totalSteps} would take about ${formatDuration(perStep * totalSteps)}, ${left} of it still to come.`,
        );
        interrupt.abort();
      }
    },
  };
}
