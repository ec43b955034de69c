import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { describeValue } from "../errors/describe-value.js";
import { DataError, MmgenError } from "../errors/errors.js";
import { defaultLimits } from "./limits.js";

/** Options of {@link readFileBytes}. */
export interface ReadFileOptions {
  /** A file with more is refused before it is read; `defaultLimits.fileBytes` when absent. */
  readonly maxBytes?: number | undefined;
  /** Looks at the file's beginning before the rest is read. Default: none. */
  readonly signature?: FileSignature | undefined;
}

/**
 * Tells from a file's first 64 bytes, fewer where the file has fewer, and its size whether it is of the wanted format.
 *
 * @returns What is wrong, as `expected a PNG image, got …`; undefined where nothing is.
 */
export type FileSignature = (head: Uint8Array, size: number) => string | undefined;

/** An open regular file that is not larger than was asked for. */
export interface BoundedFile {
  /** Bytes when it was opened. */
  readonly size: number;
  /** For reading at positions of one's own; the file is closed afterwards. */
  readonly handle: FileHandle;
}

const headBytes = 64;

/**
 * Reads a whole file: a regular one, of bounded size, whose beginning is right. It is opened once, and what is checked is
 * what is read.
 *
 * @param what - What the file is for, for the message: "transformer checkpoint".
 * @returns A plain Uint8Array, not a Buffer, whose `slice` would share memory; its buffer holds nothing else.
 * @throws a {@link DataError} naming the path when there is no such file, it cannot be read, is a folder, device or pipe,
 *   is larger than `maxBytes`, or begins otherwise than `signature` asks.
 */
export function readFileBytes(path: string, what: string, options: ReadFileOptions = {}): Promise<Uint8Array> {
  return withBoundedFile(path, what, {
    ...options,
    use: async ({ handle, size }) => {
      const bytes = new Uint8Array(size);
      const read = await fill(handle, bytes);
      if (read < size) {
        throw new DataError(
          `Cannot read the ${what} at ${path}: it had ${size} bytes, and became shorter while it was read.`,
        );
      }
      return bytes;
    },
  });
}

/**
 * Reads a text file as UTF-8; a byte order mark is left out.
 *
 * @param options - As of {@link readFileBytes}; `maxBytes` is `defaultLimits.textBytes` when absent.
 * @throws a {@link DataError} as {@link readFileBytes}, and where the bytes are not UTF-8.
 */
export async function readFileText(path: string, what: string, options: ReadFileOptions = {}): Promise<string> {
  const bytes = await readFileBytes(path, what, { ...options, maxBytes: options.maxBytes ?? defaultLimits.textBytes });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError(`The ${what} at ${path} is not text in UTF-8.`, { cause });
  }
}

/**
 * Opens a file under the checks of {@link readFileBytes}, for readers that take it piece by piece.
 *
 * @param options - `use`: works with the file, which is closed when its promise settles.
 * @returns What `use` returns.
 * @throws a {@link DataError} as {@link readFileBytes}; errors of ours that `use` throws go through as they are.
 */
export async function withBoundedFile<Result>(
  path: string,
  what: string,
  options: ReadFileOptions & { readonly use: (file: BoundedFile) => Promise<Result> },
): Promise<Result> {
  const { maxBytes = defaultLimits.fileBytes, signature, use } = options;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, readOnly);
    const stats = await handle.stat();
    const refusal =
      (stats.isFile() ? undefined : `expected a regular file, got ${kindOf(stats)}`) ??
      (stats.size <= maxBytes ? undefined : tooLarge(stats.size, maxBytes)) ??
      (signature && (await checkHead(handle, stats.size, signature)));
    if (refusal !== undefined) {
      throw new DataError(`Cannot read the ${what} at ${path}: ${refusal}.`);
    }
    return await use({ handle, size: stats.size });
  } catch (error) {
    if (MmgenError.isInstance(error)) {
      throw error;
    }
    const reason = describeFailure(error);
    throw new DataError(`Cannot read the ${what} at ${path}: ${reason}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

/** A named pipe without a writer would otherwise wait for one; a terminal would become the process's own. */
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

async function checkHead(handle: FileHandle, size: number, signature: FileSignature): Promise<string | undefined> {
  const head = new Uint8Array(Math.min(size, headBytes));
  return signature(head.subarray(0, await fill(handle, head)), size);
}

/** Reads from the file's start until the array is full or the file ends; the number of bytes read. */
async function fill(handle: FileHandle, bytes: Uint8Array): Promise<number> {
  let at = 0;
  while (at < bytes.length) {
    const length = Math.min(bytes.length - at, maxRead);
    // In this form: under Yarn's Plug'n'Play the handle knows no other.
    const { bytesRead } = await handle.read(bytes, at, length, at);
    if (bytesRead === 0) {
      break;
    }
    at += bytesRead;
  }
  return at;
}

/** Operating systems read at most about 2 GiB at once. */
const maxRead = 2 ** 28;

function tooLarge(size: number, maxBytes: number): string {
  return `expected at most ${maxBytes} bytes, got ${size}. Raise the limit where the file comes from you`;
}

function kindOf(stats: Awaited<ReturnType<FileHandle["stat"]>>): string {
  if (stats.isDirectory()) {
    return "a folder";
  }
  return stats.isFIFO() ? "a pipe" : stats.isSocket() ? "a socket" : "a device";
}

function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message : describeValue(error);
}
