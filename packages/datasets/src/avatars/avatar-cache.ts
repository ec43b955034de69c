import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { MmgenError } from "@mmgen/core";
import { gunzip, readFileBytes, writeFileAtomic } from "@mmgen/core/node";

const compress = promisify(gzip);

/** Blocks of drawn avatars in a folder, one gzip file each. */
export class AvatarCache {
  readonly #folder: string;
  readonly #onMessage: ((message: string) => void) | undefined;
  #isWritable = true;

  /** @param folder - For one form, seed and version of the avatars; made where it is missing. */
  constructor(folder: string, onMessage: ((message: string) => void) | undefined) {
    this.#folder = folder;
    this.#onMessage = onMessage;
  }

  /** Reads a block of exactly so many bytes; undefined where it is missing or damaged. */
  async read(name: string, bytes: number): Promise<Uint8Array | undefined> {
    const path = join(this.#folder, name);
    try {
      // A little more than the content, should that not compress.
      const file = await readFileBytes(path, "avatars", { maxBytes: bytes + (bytes >>> 6) + 1024 });
      const content = gunzip(file, path, { maxBytes: bytes });
      if (content.length === bytes) {
        return content;
      }
    } catch (error) {
      if (isMissing(error)) {
        return undefined;
      }
      if (!MmgenError.isInstance(error)) {
        throw error;
      }
    }
    this.#onMessage?.(`${path} is damaged; its avatars are drawn again.`);
    return undefined;
  }

  /** Keeps a block; where the folder cannot be written, says so once and goes on without. */
  async write(name: string, content: Uint8Array): Promise<void> {
    if (!this.#isWritable) {
      return;
    }
    try {
      await writeFileAtomic(join(this.#folder, name), await compress(content, { level: 1 }));
    } catch (error) {
      this.#isWritable = false;
      this.#onMessage?.(`Avatars are not cached: ${(error as Error).message}`);
    }
  }
}

function isMissing(error: unknown): boolean {
  const { code } = ((error as Error | undefined)?.cause ?? {}) as { code?: unknown };
  return code === "ENOENT";
}
