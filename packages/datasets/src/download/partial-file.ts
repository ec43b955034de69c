import { randomUUID } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { makeFolder, readFileBytes, withBoundedFile } from "@mmgen/core/node";

/** Which version of which file a part belongs to. */
export interface PartialOrigin {
  readonly address: string;
  /** The server's identifier of that version, for `If-Range`: a strong ETag or a date. */
  readonly validator: string;
}

/**
 * The part of a file that has been downloaded so far, kept on disk so that a download resumes also after a crash.
 *
 * While a process writes to it, it is called `<name>.<host>-<process>-….part`, so that no two processes write to one;
 * once released, `<name>.part`. Its first line states its {@link PartialOrigin}. A process that claims a part renames
 * it, which only one of several can do; parts of processes of this machine that no longer run can be claimed too.
 */
export class PartialFile {
  readonly #folder: string;
  readonly #name: string;
  readonly #path: string;
  #origin: PartialOrigin | undefined;
  #headerLength = 0;
  #size = 0;
  #file: FileHandle | undefined;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.#path = join(folder, `${name}.${hostname()}-${process.pid}-${randomUUID()}.part`);
  }

  /**
   * Takes over the part that an earlier download of `name` left, or starts an empty one. Further parts are deleted.
   *
   * @param limit - Bytes that the whole file can have; a longer part is none of it.
   */
  static async claim(folder: string, name: string, limit = Number.POSITIVE_INFINITY): Promise<PartialFile> {
    const partial = new PartialFile(folder, name);
    for (const abandoned of await listAbandoned(folder, name)) {
      try {
        if (partial.#origin === undefined) {
          await rename(join(folder, abandoned), partial.#path);
          await partial.#readHeader(limit);
          if (partial.#origin === undefined) {
            await rm(partial.#path, { force: true });
          }
        } else {
          await rm(join(folder, abandoned), { force: true });
        }
      } catch {
        // Another process was faster.
      }
    }
    return partial;
  }

  get origin(): PartialOrigin | undefined {
    return this.#origin;
  }

  /** Bytes downloaded so far. */
  get size(): number {
    return this.#size;
  }

  /** Discards all bytes. A part without an origin cannot be resumed later. */
  async restart(origin: PartialOrigin | undefined): Promise<void> {
    await this.close();
    await makeFolder(this.#folder);
    const header = Buffer.from(`${JSON.stringify(origin ?? null)}\n`);
    this.#file = await open(this.#path, "w+");
    await this.#file.writeFile(header);
    this.#origin = origin;
    this.#headerLength = header.length;
    this.#size = 0;
  }

  /** Appends bytes. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#file ??= await open(this.#path, "r+");
    // A full disk may take a part of them.
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        written,
        bytes.length - written,
        this.#headerLength + this.#size,
      );
      written += bytesWritten;
      this.#size += bytesWritten;
    }
  }

  /** Reads all bytes downloaded so far. */
  async read(): Promise<Uint8Array> {
    const bytes = await readFileBytes(this.#path, "downloaded part", { maxBytes: this.#headerLength + this.#size });
    return bytes.subarray(this.#headerLength, this.#headerLength + this.#size);
  }

  /** Leaves the part to the next download of the file; deletes one that cannot be resumed. */
  async release(): Promise<void> {
    await this.close();
    if (this.#origin === undefined) {
      await rm(this.#path, { force: true });
    } else {
      await rename(this.#path, join(this.#folder, `${this.#name}.part`));
    }
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
    this.#origin = undefined;
    this.#size = 0;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** A file without a readable first line counts as no part, as does one that is no file or too long. */
  async #readHeader(limit: number): Promise<void> {
    try {
      await withBoundedFile(this.#path, "downloaded part", {
        maxBytes: limit + maxHeaderLength,
        use: async ({ handle, size }) => {
          const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxHeaderLength), 0, maxHeaderLength, 0);
          const end = buffer.subarray(0, bytesRead).indexOf("\n");
          const { address, validator } = JSON.parse(buffer.toString("utf8", 0, end)) as PartialOrigin;
          if (typeof address === "string" && typeof validator === "string") {
            this.#origin = { address, validator };
            this.#headerLength = end + 1;
            this.#size = size - end - 1;
          }
        },
      });
    } catch {
      this.#origin = undefined;
    }
  }
}

/** Bytes of the first line. */
const maxHeaderLength = 4096;

/** Names of parts that were released, and of those whose process of this machine no longer runs. */
async function listAbandoned(folder: string, name: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => [] as string[]);
  const start = `${name}.${hostname()}-`;
  return entries.filter((entry) => {
    const owner = entry.startsWith(start) ? /^(\d+)-.*\.part$/.exec(entry.slice(start.length)) : null;
    return entry === `${name}.part` || (owner !== null && !isAlive(Number(owner[1])));
  });
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
