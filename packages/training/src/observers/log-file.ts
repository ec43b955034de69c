import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { DataError } from "@mmgen/core";
import { makeFolder } from "@mmgen/core/node";

/** Milliseconds between two looks at whether the file is still in its folder. */
const lookInterval = 1000;

/** A file that a run appends to, and that ends the run where it cannot be written any more or has been removed. */
export class LogFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #lastLook = performance.now();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens a file, and makes the folders above it.
   *
   * @param flags - `"a+"` goes on with a file that is there, `"wx"` refuses it.
   */
  static async open(path: string, flags: "a+" | "wx"): Promise<LogFile> {
    await makeFolder(dirname(path));
    return new LogFile(path, await open(path, flags));
  }

  /** The bytes are in the file when this resolves. */
  async append(content: string | Uint8Array): Promise<void> {
    await this.#file.appendFile(content);
  }

  /** {@link checkPresence}, where the last look is a second ago. */
  async checkPresenceSometimes(): Promise<void> {
    if (performance.now() - this.#lastLook >= lookInterval) {
      await this.checkPresence();
    }
  }

  /**
   * Looks whether the file still has a name: one without takes all that is written, and keeps nothing.
   *
   * @throws a `DataError` when it has none.
   */
  async checkPresence(): Promise<void> {
    this.#lastLook = performance.now();
    if ((await this.#file.stat()).nlink === 0) {
      throw new DataError(`${this.#path} has been removed while it was being written.`);
    }
  }

  /** Ends a line that a killed process, or a full disk, has cut short. */
  async endLine(): Promise<void> {
    const stats = await this.#file.stat();
    if (stats.isFile() && stats.size > 0) {
      const { buffer } = await this.#file.read(Buffer.alloc(1), 0, 1, stats.size - 1);
      if (buffer[0] !== 0x0a) {
        await this.append("\n");
      }
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
