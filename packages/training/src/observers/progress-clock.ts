import type { RunDescription } from "./training-observer.js";

/** Steps that the throughput is averaged over. */
const window = 50;

/** Times a run's steps: throughput of the newest ones, and the time that the rest will take at that rate. */
export class ProgressClock {
  readonly #now: () => number;
  #started = 0;
  /** When the step at hand began. */
  #last = 0;
  /** Milliseconds of the newest steps. */
  #durations: number[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  start(_run: RunDescription): void {
    this.#started = this.#now();
    this.#last = this.#started;
    this.#durations = [];
  }

  /** A step is over. */
  step(): void {
    const now = this.#now();
    this.#durations.push(now - this.#last);
    this.#durations.splice(0, this.#durations.length - window);
    this.#last = now;
  }

  /** Something else than a step is over: its time is no step's. */
  pause(): void {
    this.#last = this.#now();
  }

  examplesPerSecond({ batchSize }: RunDescription): number {
    return (1000 * batchSize) / this.#stepDuration();
  }

  /** "2 min 5 s" for the steps left, evaluations not counted. */
  timeLeft({ step, totalSteps }: RunDescription): string {
    return formatDuration((totalSteps - step) * this.#stepDuration());
  }

  /** Since the start. */
  elapsed(): string {
    return formatDuration(this.#now() - this.#started);
  }

  /** Median, in ms: a compilation or a pause in one step moves no estimate. */
  #stepDuration(): number {
    const sorted = [...this.#durations].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  }
}

/** "45 s", "2 min 5 s", "1 h 20 min". */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (!Number.isFinite(seconds)) {
    return "?";
  }
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
