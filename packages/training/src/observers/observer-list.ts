import type { RunDescription, RunStatus, TrainingObserver } from "./training-observer.js";

/** The observers of one run, called one after the other in their order. */
export class ObserverList {
  readonly #observers: readonly TrainingObserver[];
  /** Those whose `onStart` was called: only they are to hear of the end. */
  readonly #started: TrainingObserver[] = [];

  constructor(observers: readonly TrainingObserver[] = []) {
    this.#observers = observers;
  }

  async start(run: RunDescription): Promise<void> {
    for (const observer of this.#observers) {
      this.#started.push(observer);
      await observer.onStart?.(run);
    }
  }

  async notify(call: (observer: TrainingObserver) => unknown): Promise<void> {
    for (const observer of this.#observers) {
      await call(observer);
    }
  }

  /** Calls every `onEnd`, also after one of them fails: each may hold a file or a terminal. Throws the first failure. */
  async end(status: RunStatus, run: RunDescription): Promise<void> {
    const failures: unknown[] = [];
    for (const observer of this.#started) {
      try {
        await observer.onEnd?.(status, run);
      } catch (error) {
        failures.push(error);
      }
    }
    // The error of the run itself matters more.
    if (failures.length > 0 && status !== "failed") {
      throw failures[0];
    }
  }
}
