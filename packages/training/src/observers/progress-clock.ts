import prettyMilliseconds from "pretty-ms";
import type { RunDescription } from "./training-observer.js";

/** Steps that the throughput is averaged over. */
const window = 50;

/** Measures the steps of a run: throughput of the newest ones, and the time that the rest will take at that rate. */
export class ProgressClock {
  readonly #now: () => number;
  #started = 0;
  /** When the current step started, in ms. */
  #last = 0;
  /** Milliseconds of the newest steps. */
  #durations: number[] = [];

  /** @param now - The time in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  start(): void {
    this.#started = this.#now();
    this.#last = this.#started;
    this.#durations = [];
  }

  /** Ends a step. */
  step(): void {
    const now = this.#now();
    this.#durations.push(now - this.#last);
    this.#durations.splice(0, this.#durations.length - window);
    this.#last = now;
  }

  /** Ends something else than a step, whose time counts for none. */
  pause(): void {
    this.#last = this.#now();
  }

  examplesPerSecond({ batchSize }: RunDescription): number {
    return (1000 * batchSize) / this.#stepDuration();
  }

  /** "2m 5s" for the remaining steps, evaluations not counted. */
  timeLeft({ step, totalSteps }: RunDescription): string {
    return formatDuration((totalSteps - step) * this.#stepDuration());
  }

  /** Since the start. */
  elapsed(): string {
    return formatDuration(this.#now() - this.#started);
  }

  /** Median, in ms: a compilation or a pause in one step does not change the estimate. */
  #stepDuration(): number {
    const sorted = [...this.#durations].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  }
}

/** "300ms", "45s", "2m 5s", "1h 20m"; "?" where the duration is unknown. */
export function formatDuration(milliseconds: number): string {
  const known = Number.isFinite(milliseconds);
  return known ? prettyMilliseconds(milliseconds, { unitCount: 2, secondsDecimalDigits: 0 }) : "?";
}
