import type { SharedWordProgram } from "./word-program.js";

/** A mask for the thread: the arguments of `WordProgram.mask`, one after the other. */
export type ThreadMask = readonly [start: number, secondKey: number, at: number, end: number, below: number];

/** Draws what it is told, in order, and counts. */
const script = `
const { parentPort, workerData } = require("node:worker_threads");
const { module, state } = workerData;
parentPort.on("message", ({ memory, masks, number }) => {
  const { mask } = new WebAssembly.Instance(module, { host: { memory } }).exports;
  for (const values of masks) mask(...values);
  Atomics.store(state, 0, number);
  Atomics.notify(state, 0);
});`;

/** Longer than a thread takes to start on a busy machine. */
const patience = 2000;

/** A thread beside the program's that draws masks into memory of both. It ends with its last user, or with the program. */
export class MaskThread {
  static #current: MaskThread | undefined;
  #users = 0;
  #posted = 0;
  /** The number of the last job that is done. */
  readonly #done = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: { postMessage(job: unknown): void; terminate(): Promise<number> };

  private constructor(module: WebAssembly.Module) {
    const { Worker } = globalThis.process.getBuiltinModule("node:worker_threads");
    const worker = new Worker(script, { eval: true, execArgv: [], workerData: { module, state: this.#done } });
    worker.unref();
    // Whoever waits for its work then draws for itself.
    worker.on("error", () => this.#forget());
    this.#worker = worker;
  }

  /** The thread of the process, until it is released; undefined where there are none, or one core. */
  static acquire({ module }: SharedWordProgram): MaskThread | undefined {
    try {
      const os = globalThis.process.getBuiltinModule("node:os");
      if (MaskThread.#current === undefined && os.availableParallelism() < 2) {
        return undefined;
      }
      MaskThread.#current ??= new MaskThread(module);
      MaskThread.#current.#users++;
      return MaskThread.#current;
    } catch {
      return undefined;
    }
  }

  release(): void {
    this.#users--;
    if (this.#users === 0) {
      this.#forget();
      void this.#worker.terminate();
    }
  }

  /**
   * Has masks drawn.
   *
   * @returns The number to {@link wait} for.
   */
  post({ shared: memory }: SharedWordProgram, masks: readonly ThreadMask[]): number {
    this.#posted++;
    this.#worker.postMessage({ memory, masks, number: this.#posted });
    return this.#posted;
  }

  /** Waits until a job is done; false where that takes too long, or this thread may not wait. */
  wait(job: number): boolean {
    try {
      for (let done = Atomics.load(this.#done, 0); done < job; done = Atomics.load(this.#done, 0)) {
        if (Atomics.wait(this.#done, 0, done, patience) === "timed-out") {
          return false;
        }
      }
      return true;
    } catch {
      return false;
    }
  }

  /** The next one who asks gets another thread. */
  #forget(): void {
    if (MaskThread.#current === this) {
      MaskThread.#current = undefined;
    }
  }
}
