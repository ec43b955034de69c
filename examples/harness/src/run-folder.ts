import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CheckpointError, ConfigError, DataError, MmgenError } from "@mmgen/core";
import { isTemporaryOf, lockFolder, makeFolder, type RunLock, readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import { fields, optional, resolveOptions, text } from "@mmgen/core/options";
import type { InferOutput } from "valibot";
import { readStoredJson } from "./json-files.js";

/** A path a person typed, from the folder they typed it in (npm moves into the package before it runs a script). */
export function fromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

const dataSchema = fields({
  /** Where it came from, one line for people. */
  source: text(),
  /** Of the training part, in hexadecimal digits. */
  sha256: text({ minLength: 64, maxLength: 64 }),
  /** `--data-dir`, absolute; absent where the run had none. */
  dataDir: optional(text()),
});

/** What a run learns from; kept beside its checkpoints so that a resume goes on with the same. */
export type RunData = InferOutput<typeof dataSchema>;

/**
 * Describes what a run learns from.
 *
 * @param parts - All that is learned from, in a fixed order: levels of images, labels, captions.
 */
export function describeRunData(
  source: string,
  parts: readonly (Uint8Array | Int32Array | readonly string[])[],
): RunData {
  const hash = createHash("sha256");
  for (const part of parts) {
    const content = Array.isArray(part) ? JSON.stringify(part) : (part as Uint8Array | Int32Array);
    // The length marks where a part ends.
    hash.update(`${content.length} `).update(content);
  }
  return { source, sha256: hash.digest("hex") };
}

/** Files of an earlier run that a new one in the same folder removes, by the patterns of their names. */
export interface EarlierFiles {
  readonly checkpoints: readonly RegExp[];
  readonly results: readonly RegExp[];
}

/** What {@link RunFolder.begin} takes. */
interface NewRun {
  readonly resume: boolean;
  /** Whether a new run replaces an earlier one; default false. */
  readonly force?: boolean;
  readonly earlier: EarlierFiles;
  /** What the run was asked to do, JSON; kept for a resume. */
  readonly settings: unknown;
  readonly data: RunData;
  /** `--data-dir`, absolute; kept for a resume and for `evaluate`. */
  readonly dataDir?: string | undefined;
}

/** Where a run keeps its files: `results/` for people, `checkpoints/` for a resume and for other commands. */
export class RunFolder {
  readonly results: string;
  readonly checkpoints: string;
  readonly #root: string;
  readonly #command: string;
  #lock: RunLock | undefined;

  /**
   * @param out - `--out`, as typed; without it the folder of the example.
   * @param command - What trains a model into it: `npm start`.
   */
  constructor(out: string | undefined, exampleFolder: string, command: string) {
    this.#root = out === undefined ? exampleFolder : fromCaller(out);
    this.results = join(this.#root, "results");
    this.checkpoints = join(this.#root, "checkpoints");
    this.#command = command;
  }

  /**
   * Takes the folder for this run, before anything long begins; removes nothing.
   *
   * @throws a `DataError` when another run holds the folder, or it cannot be written.
   * @throws a {@link ConfigError} when it holds an earlier run that is neither to go on nor to be replaced.
   */
  async open({ earlier, force, resume }: Omit<NewRun, "settings" | "data">): Promise<void> {
    this.#lock ??= await lockFolder(this.checkpoints);
    try {
      await makeWritable(this.results);
      const found = [
        ...(await list(this.checkpoints, earlier.checkpoints)),
        ...(await list(this.results, earlier.results)),
      ].filter((name) => !name.startsWith("."));
      if (found.length > 0 && !resume && !force) {
        throw new ConfigError(
          `${this.#root} holds an earlier run (${found.slice(0, 3).join(", ")}${found.length > 3 ? ", …" : ""}). Go on with ` +
            "it (--resume), replace it (--force), or choose another folder (--out).",
        );
      }
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /**
   * Begins the run in its folder. A new run removes what an earlier one left; a resumed one makes sure of its data.
   *
   * @throws as {@link RunFolder.open}, where that was not called before.
   * @throws a {@link CheckpointError} when a resumed run finds other data than it learned from.
   */
  async begin(run: NewRun): Promise<void> {
    await this.open(run);
    try {
      await this.#prepare(run);
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  async #prepare(run: NewRun): Promise<void> {
    if (run.resume) {
      await this.checkData(run.data);
      return;
    }
    await clear(this.checkpoints, run.earlier.checkpoints);
    await clear(this.results, [...run.earlier.results, /^tensorboard$/]);
    await this.write("run.json", toJson(run.settings));
    await this.write("data.json", toJson({ ...run.data, dataDir: run.dataDir }));
  }

  /** Gives the folder free for other runs; safe to call twice. */
  async release(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /**
   * The settings that a run left here.
   *
   * @throws a {@link CheckpointError} when there is no run, or its file is damaged.
   */
  readSettings<Settings>(parse: (json: unknown) => Settings): Promise<Settings> {
    return readStoredJson(join(this.checkpoints, "run.json"), "run", parse);
  }

  /**
   * Makes sure that `found` is what the run learned from, wherever it is stored now.
   *
   * @throws {@link CheckpointError} when it is not, or the run left no record of what it learned from.
   */
  async checkData(found: RunData): Promise<void> {
    const learned = await this.#readData();
    if (found.sha256 !== learned.sha256) {
      throw new CheckpointError(
        `The run in ${this.checkpoints} learned from other data than is found now. ` +
          `Then: ${learned.source}. Now: ${found.source}. ` +
          "Give it the same again: the same --data-dir or MMGEN_DATA_DIR, with the same files there.",
      );
    }
  }

  /** `--data-dir` that the run was begun with, if any; throws a {@link CheckpointError} when it is gone. */
  async dataDir(): Promise<string | undefined> {
    const { dataDir } = await this.#readData();
    if (dataDir !== undefined && !existsSync(dataDir)) {
      throw new CheckpointError(`The run's data are no longer in ${dataDir}. Name their folder with --data-dir.`);
    }
    return dataDir;
  }

  #readData(): Promise<RunData> {
    const path = join(this.checkpoints, "data.json");
    return readStoredJson(path, "record of a run's data", (json) => resolveOptions(dataSchema, json));
  }

  /** Writes a file of `checkpoints/`, all or nothing. */
  write(name: string, content: Uint8Array | string): Promise<void> {
    return writeFileAtomic(join(this.checkpoints, name), content);
  }

  /** The bytes of a file of `checkpoints/`, or undefined where there is none. */
  async read(name: string): Promise<Uint8Array | undefined> {
    const path = join(this.checkpoints, name);
    return existsSync(path) ? readFileBytes(path, "checkpoint", { maxBytes: Number.POSITIVE_INFINITY }) : undefined;
  }

  /** A file of `checkpoints/` to be read and written, as a training's state is. */
  file(name: string): { read: () => Promise<Uint8Array | undefined>; write: (content: Uint8Array) => Promise<void> } {
    return { read: () => this.read(name), write: (content) => this.write(name, content) };
  }

  /**
   * What `load` makes of the models in `checkpoints/`, whose files it reads by name.
   *
   * @throws {@link CheckpointError} naming the folder, and what to do.
   */
  async load<Models>(
    load: (read: (name: string) => Promise<Uint8Array | undefined>) => Promise<Models>,
  ): Promise<Models> {
    try {
      return await load((name) => this.read(name));
    } catch (error) {
      if (MmgenError.isInstance(error)) {
        const remedy = `Train a model with "${this.#command}".`;
        throw new CheckpointError(`${this.checkpoints}: ${error.message} ${remedy}`, { cause: error });
      }
      throw error;
    }
  }

  /** Writes a JSON file of `results/`, all or nothing; its path. */
  async writeResult(name: string, content: unknown): Promise<string> {
    const path = join(this.results, name);
    await writeFileAtomic(path, toJson(content));
    return path;
  }
}

/** The folder of a run in a process that leaves files to another: nothing is found in it, and nothing written. */
export class AbsentFolder extends RunFolder {
  override async open(): Promise<void> {}
  override async begin(): Promise<void> {}
  override async read(): Promise<undefined> {}
  override async write(): Promise<void> {}
}

/** Removes files by their names, and what a killed process left half written of them. */
async function clear(folder: string, patterns: readonly RegExp[]): Promise<void> {
  for (const entry of await list(folder, patterns)) {
    await rm(join(folder, entry), { force: true, recursive: true });
  }
}

/** Names of a folder's files that the patterns name, and of what a killed process left half written of such files. */
async function list(folder: string, patterns: readonly RegExp[]): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  const isOurs = (name: string) => patterns.some((pattern) => pattern.test(name));
  return entries.filter((entry) => {
    const target = /^\.(.+)\.[^.]+\.tmp$/.exec(entry)?.[1];
    return isOurs(entry) || (target !== undefined && isTemporaryOf(entry, target) && isOurs(target));
  });
}

/** Makes a folder where it is missing, and makes sure before anything long begins that it takes files. */
async function makeWritable(path: string): Promise<void> {
  await makeFolder(path);
  try {
    await rmdir(await mkdtemp(join(path, ".writable-")));
  } catch (error) {
    throw new DataError(`${path} cannot be written: ${(error as Error).message}. Choose another folder with --out.`, {
      cause: error,
    });
  }
}

function toJson(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}
