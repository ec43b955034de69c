import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
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
