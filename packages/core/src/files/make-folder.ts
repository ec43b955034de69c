import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DataError } from "../errors/errors.js";

/**
 * Makes a folder, and the folders above it, where they are missing.
 *
 * One by one: Node's own recursive `mkdir` never ends below a folder that takes no new ones, such as `/proc`.
 *
 * @throws a {@link DataError} naming the folder that cannot be made, or what stands in its place.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await make(path);
  } catch (error) {
    throw new DataError(`${path} cannot be written: ${(error as Error).message}. Choose another folder.`, {
      cause: error,
    });
  }
}

async function make(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") {
      throw error;
    }
  });
  if (found?.isDirectory()) {
    return;
  }
  const parent = dirname(path);
  if (found === undefined && parent !== path) {
    await make(parent);
  }
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have been faster.
    if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
      throw error;
    }
  }
}
