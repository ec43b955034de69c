import { randomUUID } from "node:crypto";
import { constants, fsync, type Stats } from "node:fs";
import { access, type FileHandle, lstat, open, readlink, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { DataError, MmgenError } from "../errors/errors.js";
import { makeFolder } from "./make-folder.js";

/**
 * Writes a file so that a reader, or a crash, sees the old content or the new, never a part.
 *
 * The bytes go to a file beside the target, are flushed to disk, and the file is renamed onto it. Missing folders are made.
 * A file that was there keeps its mode and, where the process may set them, its owner and group. A symbolic link stays:
 * what it points to is written.
 *
 * @throws a {@link DataError} naming the path, or its folder, when it cannot be written, or is a folder, a device or a pipe; what was there
 *   stays.
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = await followLinks(path);
    const before = await writableFile(target);
    const folder = dirname(target);
    await makeFolder(folder);
    temporary = join(folder, `${temporaryPrefix(basename(target))}${randomUUID()}.tmp`);
    // Until it has the old file's mode, only this user may read it.
    const file = await open(temporary, "wx", before === undefined ? undefined : 0o600);
    try {
      await file.writeFile(content);
      if (before !== undefined) {
        await keepAttributes(file, before);
      }
      await flush(file.fd);
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    await flushFolder(folder);
  } catch (error) {
    if (temporary !== undefined) {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
    if (MmgenError.isInstance(error)) {
      throw error;
    }
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

/** As many links as Linux follows. */
const maxLinks = 40;

/** Where a path leads through symbolic links, the last of which may point to a file that is not there yet. */
async function followLinks(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links <= maxLinks; links++) {
    const found = await ifThere(lstat(target));
    if (found === undefined || !found.isSymbolicLink()) {
      return target;
    }
    target = resolve(dirname(target), await readlink(target));
  }
  throw new DataError(`Cannot write ${path}: its symbolic links lead in a circle.`);
}

/** The file at a path, which must be one that may be written; undefined where there is none. */
async function writableFile(path: string): Promise<Stats | undefined> {
  const found = await ifThere(stat(path));
  if (found !== undefined) {
    if (!found.isFile()) {
      const kind = found.isDirectory() ? "a folder" : "a device, pipe or socket";
      throw new DataError(`Cannot write ${path}: it is ${kind}. Name a file.`);
    }
    await access(path, constants.W_OK);
  }
  return found;
}

async function ifThere<Result>(looking: Promise<Result>): Promise<Result | undefined> {
  try {
    return await looking;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

async function keepAttributes(file: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  const own = await file.stat();
  if (own.uid !== uid || own.gid !== gid) {
    // Only root may give a file away; others may still give it to a group of theirs.
    await file.chown(uid, gid).catch(() => file.chown(own.uid, gid).catch(() => undefined));
  }
  // After the owner, a change of which takes bits away.
  await file.chmod(mode & 0o777);
}

/** By number: the file handles of Yarn's Plug'n'Play have no `sync`. */
const flush = promisify(fsync);

/** Makes the new name last; not every system can flush a folder. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch(() => undefined);
  try {
    await (handle && flush(handle.fd));
  } catch {
    // The file itself is flushed.
  } finally {
    await handle?.close();
  }
}
