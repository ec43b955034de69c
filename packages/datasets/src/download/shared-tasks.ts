import { AbortedError } from "@mmgen/core";

interface SharedTask<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  /** Calls that wait for it. */
  waiting: number;
}

/** What a call joins. */
export interface JoinOptions<Result> {
  /** Starts the task where none of the key runs; its signal fires when no call waits for it any more. */
  readonly start: (signal: AbortSignal) => Promise<Result>;
  /** Of this call alone: others that wait for the same task are not stopped by it. */
  readonly signal: AbortSignal | undefined;
  /** For the message: "Downloading a.gz". */
  readonly what: string;
}

/** Tasks that run once however many calls ask for them at the same time. */
export class SharedTasks<Result> {
  readonly #running = new Map<string, SharedTask<Result>>();

  /**
   * Waits for the task of this key.
   *
   * @throws an {@link AbortedError} when the call's signal fires; where no other call waits, the task has ended then.
   */
  async join(key: string, { start, signal, what }: JoinOptions<Result>): Promise<Result> {
    const aborted = () => new AbortedError(`${what} was stopped.`, { cause: signal?.reason });
    if (signal?.aborted) {
      throw aborted();
    }
    const task = this.#running.get(key) ?? this.#start(key, start);
    task.waiting++;
    if (signal === undefined) {
      return task.result;
    }
    let stop = () => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = () => {
        this.#leave(key, task).then(() => reject(aborted()));
      };
    });
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([task.result, stopped]);
    } catch (error) {
      throw signal.aborted ? aborted() : error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<Result>): SharedTask<Result> {
    const controller = new AbortController();
    const result = start(controller.signal).finally(() => this.#forget(key, task));
    const task = { result, controller, waiting: 0 };
    this.#running.set(key, task);
    return task;
  }

  async #leave(key: string, task: SharedTask<Result>): Promise<void> {
    if (--task.waiting === 0) {
      this.#forget(key, task);
      task.controller.abort();
      await task.result.catch(() => undefined);
    }
  }

  #forget(key: string, task: SharedTask<Result>): void {
    if (this.#running.get(key) === task) {
      this.#running.delete(key);
    }
  }
}
