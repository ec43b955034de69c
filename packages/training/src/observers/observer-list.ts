import type { RunDescription, RunStatus, TrainingObserver } from "./training-observer.js";

/** What an observer threw, and where. */
export class ObserverFailure extends Error {
  /** "Observer 2 of 3 (metricsFile of a.jsonl) failed in onStep: no space left on device". */
  constructor(description: string, cause: unknown) {
    super(`${description}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

type Callback = "onStart" | "onStep" | "onNotice" | "onEpoch" | "onEnd";

/** The observers of one run, called one after the other in their order. */
export class ObserverList {
  readonly #observers: readonly TrainingObserver[];
  /** Those whose `onStart` was called: only they are to hear of the end. */
  readonly #started: TrainingObserver[] = [];

  constructor(observers: readonly TrainingObserver[] = []) {
    this.#observers = observers;
  }

  /** Stops at the first that fails. Throws its {@link ObserverFailure}. */
  async start(run: RunDescription): Promise<void> {
    for (const observer of this.#observers) {
      this.#started.push(observer);
      await this.#call(observer, "onStart", () => observer.onStart?.(run));
    }
  }

  /** Calls every observer, also after one of them fails: each may be a log. Throws the first {@link ObserverFailure}. */
  async notify(
    callback: "onStep" | "onNotice" | "onEpoch",
    call: (observer: TrainingObserver) => unknown,
  ): Promise<void> {
    await this.#callAll(this.#observers, callback, call);
  }

  /**
   * Calls every `onEnd`, also after one of them fails: each may hold a file or a terminal. Throws the first
   * {@link ObserverFailure}, but for a run that failed itself: its own error matters more.
   */
  async end(status: RunStatus, run: RunDescription): Promise<void> {
    try {
      await this.#callAll(this.#started, "onEnd", (observer) => observer.onEnd?.(status, run));
    } catch (failure) {
      if (status !== "failed") {
        throw failure;
      }
    }
  }

  async #callAll(
    observers: readonly TrainingObserver[],
    callback: Callback,
    call: (observer: TrainingObserver) => unknown,
  ): Promise<void> {
    const failures: unknown[] = [];
    for (const observer of observers) {
      try {
        await this.#call(observer, callback, () => call(observer));
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length > 0) {
      throw failures[0];
    }
  }

  async #call(observer: TrainingObserver, callback: Callback, call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (cause) {
      const place = `${this.#observers.indexOf(observer) + 1} of ${this.#observers.length}`;
      throw new ObserverFailure(`Observer ${place}${nameOf(observer)} failed in ${callback}`, cause);
    }
  }
}

/** " (metricsFile of a.jsonl)"; "" for an observer without a name. */
function nameOf(observer: TrainingObserver): string {
  const name = observer.name ?? (observer.constructor === Object ? undefined : observer.constructor?.name);
  return name === undefined ? "" : ` (${String(name).slice(0, 200)})`;
}
