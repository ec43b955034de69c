import { join } from "node:path";
import type { TrainingObserver } from "@mmgen/training";
import { metricsFile, terminalProgress } from "@mmgen/training/node";
import type { RunFolders } from "./paths.js";

/** Tells a person what a run does, on standard error unless told otherwise, and keeps the time of each stage. */
export class Narrator {
  readonly #folders: RunFolders;
  readonly #stream: NodeJS.WritableStream;
  readonly #seconds: Record<string, number> = {};
  #stage: string | undefined;
  #since = performance.now();

  constructor(folders: RunFolders, stream: NodeJS.WritableStream = process.stderr) {
    this.#folders = folders;
    this.#stream = stream;
  }

  /** Begins a stage; the one before is over. */
  stage(name: string): void {
    this.endStage();
    this.#stage = name;
    this.#stream.write(`\n${name}\n`);
  }

  /** The stage at hand; undefined between stages. */
  get currentStage(): string | undefined {
    return this.#stage;
  }

  /** Ends the stage at hand. */
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

  /** One line. */
  readonly line = (text: string): void => {
    this.#stream.write(`${text}\n`);
  };

  /** A progress bar, or lines where there is no terminal, and every step in `results/<run>.jsonl`. */
  observers(run: string): TrainingObserver[] {
    return [
      terminalProgress({ label: run, stream: this.#stream }),
      metricsFile(join(this.#folders.results, `${run}.jsonl`), { run }),
    ];
  }
}
