import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DataError } from "../errors/errors.js";

/**
 * Writes a file so that a reader, or a crash, sees the old content or the new, never a part.
 *
 * The bytes go to a file beside the target, are flushed to disk, and the file is renamed onto it. Missing folders are made.
 *
 * @throws a {@link DataError} naming the path when it cannot be written; what was there stays.
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `${temporaryPrefix(basename(path))}${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new DataError(`Cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether a file of this name is what a process killed in {@link writeFileAtomic} left of `target`, in its folder. */
export function isTemporaryOf(name: string, target: string): boolean {
  return name.startsWith(temporaryPrefix(target)) && name.endsWith(".tmp");
}

function temporaryPrefix(name: string): string {
  return `.${name.slice(0, 100)}.`;
}

/**
 * Reads a whole file.
 *
 * @param what - What the file is for, for the message: "transformer checkpoint".
 * @returns A plain Uint8Array, not a Buffer, whose `slice` would share memory.
 * @throws a {@link DataError} naming the path when it cannot be read.
 */
export async function readFileBytes(path: string, what: string): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, byteLength } = await readFile(path);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    throw new DataError(`Cannot read the ${what} at ${path}: ${(error as Error).message}`, { cause: error });
  }
}
