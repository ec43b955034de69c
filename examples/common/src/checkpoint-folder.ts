import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError, MmgenError } from "@mmgen/core";
import { isTemporaryOf, readFileBytes, writeFileAtomic } from "@mmgen/core/node";

/** A folder of checkpoint files that a run writes, resumes from, and leaves for others to load. */
export class CheckpointFolder<Name extends string> {
  readonly folder: string;
  readonly #files: Readonly<Record<Name, string>>;
  readonly #remedy: string;

  /**
   * @param files - File names by what they hold.
   * @param remedy - What to do where one is missing: `Train a model first with "npm start".`
   */
  constructor(folder: string, files: Readonly<Record<Name, string>>, remedy: string) {
    this.folder = folder;
    this.#files = files;
    this.#remedy = remedy;
  }

  path(name: Name): string {
    return join(this.folder, this.#files[name]);
  }

  /** Writes a file, all or nothing. */
  write(name: Name, content: Uint8Array | string): Promise<void> {
    return writeFileAtomic(this.path(name), content);
  }

  /** A file's bytes, or undefined where there is none. */
  async read(name: Name): Promise<Uint8Array | undefined> {
    const path = this.path(name);
    return existsSync(path) ? readFileBytes(path, "checkpoint") : undefined;
  }

  /** One file, to be read and written. */
  file(name: Name): { read: () => Promise<Uint8Array | undefined>; write: (content: Uint8Array) => Promise<void> } {
    return { read: () => this.read(name), write: (content) => this.write(name, content) };
  }

  /**
   * Removes the files of an earlier run, so that none of them can pass for this one's, and what a killed run left half
   * written of them.
   */
  async clear(): Promise<void> {
    const files = Object.values<string>(this.#files);
    const entries = await readdir(this.folder).catch(() => []);
    const halves = entries.filter((entry) => files.some((file) => isTemporaryOf(entry, file)));
    for (const file of [...files, ...halves]) {
      await rm(join(this.folder, file), { force: true });
    }
  }

  /**
   * What `parse` makes of a file.
   *
   * @throws {@link CheckpointError} naming the file that is missing or damaged.
   */
  async load<Part>(name: Name, parse: (bytes: Uint8Array) => Part): Promise<Part> {
    const bytes = await this.read(name);
    if (bytes === undefined) {
      throw new CheckpointError(`There is no ${this.path(name)}. ${this.#remedy}`);
    }
    try {
      return parse(bytes);
    } catch (error) {
      if (MmgenError.isInstance(error)) {
        throw new CheckpointError(`${this.path(name)}: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }
}
