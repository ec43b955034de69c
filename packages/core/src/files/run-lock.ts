import { open, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DataError } from "../errors/errors.js";
import { makeFolder } from "./make-folder.js";
import { readFileText } from "./read-file.js";

/** A folder that this process alone writes into. */
export interface RunLock {
  /** Releases the folder; safe to call twice. */
  release(): Promise<void>;
}

const lockFile = "run.lock";

/** Milliseconds after which a lock without content is no longer being written. */
const maxWritingTime = 5000;

/**
 * Takes a folder for one run, so that two never write into it at once. Missing folders are made.
 *
 * The lock is a file with the process's number and host. One that a dead process of this host left is taken over.
 *
 * @throws a {@link DataError} when another process holds the folder, with its number, or when it cannot be written.
 */
export async function lockFolder(folder: string): Promise<RunLock> {
  const path = join(folder, lockFile);
  const content = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() });
  try {
    await makeFolder(folder);
    if (!(await create(path, content))) {
      await removeStale(folder, path);
      if (!(await create(path, content))) {
        throw inUse(folder, await readLock(path).catch(() => ""));
      }
    }
  } catch (error) {
    if (DataError.isInstance(error)) {
      throw error;
    }
    throw new DataError(`${folder} cannot be written: ${(error as Error).message}. Choose another folder.`, {
      cause: error,
    });
  }
  let isHeld = true;
  return {
    async release() {
      if (isHeld) {
        isHeld = false;
        await rm(path, { force: true });
      }
    },
  };
}

/** A lock has a few fields; what is no file, or larger, is none of ours and is not waited for. */
function readLock(path: string): Promise<string> {
  return readFileText(path, "lock", { maxBytes: 10_000 });
}

async function create(path: string, content: string): Promise<boolean> {
  const file = await open(path, "wx").catch((error) => {
    if (!isErrorCode(error, "EEXIST")) {
      throw error;
    }
  });
  if (file === undefined) {
    return false;
  }
  try {
    await file.writeFile(content);
  } catch (error) {
    // A lock without its content would keep the next run out.
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

/**
 * Removes the lock of a process that is gone; throws where its process lives, or may live on another host.
 *
 * Only who holds a second file may remove the first, so that nobody removes the lock that another has just taken.
 */
async function removeStale(folder: string, path: string): Promise<void> {
  const takeover = `${path}.takeover`;
  if (!(await create(takeover, ""))) {
    // A crash may have left it; the next run then succeeds.
    if (await isAbandoned(takeover)) {
      await rm(takeover, { force: true });
    }
    throw inUse(folder, "");
  }
  try {
    const found = await readLock(path).catch(() => undefined);
    if (found === undefined) {
      return;
    }
    if (!(await isStale(path, found))) {
      throw inUse(folder, found);
    }
    await rm(path, { force: true });
  } finally {
    await rm(takeover, { force: true });
  }
}

async function isStale(path: string, content: string): Promise<boolean> {
  const { pid, host } = parseLock(content);
  if (pid === undefined) {
    // A lock without its content is being written, or a crash cut it short.
    return isAbandoned(path);
  }
  if (host !== hostname()) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return isErrorCode(error, "ESRCH");
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const written = await stat(path).catch(() => undefined);
  return written !== undefined && Date.now() - written.mtimeMs > maxWritingTime;
}

function parseLock(content: string): { pid: number | undefined; host: string } {
  try {
    const { pid, host } = JSON.parse(content) as { pid?: unknown; host?: unknown };
    return { pid: Number.isSafeInteger(pid) && (pid as number) > 0 ? (pid as number) : undefined, host: String(host) };
  } catch {
    return { pid: undefined, host: "" };
  }
}

function inUse(folder: string, content: string): DataError {
  const { pid, host } = parseLock(content);
  return new DataError(
    `${folder} is in use by another run (process ${pid ?? "unknown"} on ${host || "this host"}). Wait for it, or choose ` +
      `another folder; if no such process runs, remove ${lockFile} there.`,
  );
}

function isErrorCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | undefined)?.code === code;
}
