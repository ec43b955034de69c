import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** What the bytes so far are of. */
export interface PartialOrigin {
  readonly address: string;
  /** The server's mark of this very version, for `If-Range`: a strong ETag or a date. */
  readonly validator: string;
}

/**
 * The beginning of a file, kept beside its place until the rest is there, also when this process dies.
 *
 * While a process writes to it, it lies under `<name>.<host>-<process>-….part`, so that no two write to one; given up,
 * under `<name>.part`. It begins with a line that says what it is of. One given up, or left by a process of this machine
 * that is no more, is gone on with; it is taken over by renaming, which only one of several can do.
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

  /** Takes over what is left of an earlier download of `name`, or begins with nothing. One is enough; others go. */
  static async claim(folder: string, name: string): Promise<PartialFile> {
    const partial = new PartialFile(folder, name);
    for (const abandoned of await listAbandoned(folder, name)) {
      try {
        if (partial.#origin === undefined) {
          await rename(join(folder, abandoned), partial.#path);
          await partial.#readHeader();
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

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Begins anew; without an origin, what comes cannot be gone on with later. */
  async restart(origin: PartialOrigin | undefined): Promise<void> {
    await this.close();
    await mkdir(this.#folder, { recursive: true });
    const header = Buffer.from(`${JSON.stringify(origin ?? null)}\n`);
    this.#file = await open(this.#path, "w+");
    await this.#file.writeFile(header);
    this.#origin = origin;
    this.#headerLength = header.length;
    this.#size = 0;
  }

  /** Puts bytes behind those so far. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#file ??= await open(this.#path, "r+");
    await this.#file.write(bytes, 0, bytes.length, this.#headerLength + this.#size);
    this.#size += bytes.length;
  }

  /** All bytes so far. */
  async read(): Promise<Uint8Array> {
    const bytes = await readFile(this.#path);
    return bytes.subarray(this.#headerLength, this.#headerLength + this.#size);
  }

  /** Leaves the part to whoever asks for the file next, if it can be gone on with. */
  async giveUp(): Promise<void> {
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

  /** A file that does not begin as ours do counts as none. */
  async #readHeader(): Promise<void> {
    const bytes = await readFile(this.#path);
    const end = bytes.indexOf("\n");
    try {
      const { address, validator } = JSON.parse(bytes.toString("utf8", 0, end)) as PartialOrigin;
      if (typeof address === "string" && typeof validator === "string") {
        this.#origin = { address, validator };
        this.#headerLength = end + 1;
        this.#size = bytes.length - end - 1;
      }
    } catch {
      this.#origin = undefined;
    }
  }
}

/** Parts that were given up, and those of processes of this machine that are no more. */
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
