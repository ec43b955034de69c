import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { DataError } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { type FetchFileOptions, fetchFile } from "./fetch-file.js";
import { gunzip } from "./gunzip.js";
import { PartialFile } from "./partial-file.js";

/** A gzip file that can be had from several places and is known by its checksum. */
export interface RemoteFile {
  /** Name at the mirrors and in the cache. */
  readonly name: string;
  readonly sha256: string;
  /**
   * What `sha256` is of: the decompressed `content` (default), the same however a mirror compresses it, or the `gzip`
   * file itself, where that is what its publishers and users know.
   */
  readonly sha256Of?: "content" | "gzip" | undefined;
  /** Size of the decompressed content, in bytes. */
  readonly size: number;
}

/** Options of {@link downloadFile}. */
export interface DownloadOptions {
  /** Addresses of folders that hold the file, tried in turn. */
  readonly mirrors: readonly string[];
  /** The folder the finished file goes to. */
  readonly folder: string;
  /** Milliseconds until a mirror must have answered; default 5000. */
  readonly connectTimeout?: number;
  /** Milliseconds a mirror may pause in the middle of a file; default 15000. */
  readonly stallTimeout?: number;
  /** Told each address with its size, and each failure. */
  readonly onMessage?: (message: string) => void;
}

/** Requests in a row to one mirror that may break off; each goes on where the one before did. */
const attempts = 4;

/** Files on their way in this process, by path. */
const underWay = new Map<string, Promise<string>>();

/**
 * Fetches one gzip file from the first mirror that delivers it whole.
 *
 * The content is checked against its size and SHA-256 before anything appears under the file's name, so that what is
 * there is always finished and right. What has arrived of an unfinished one lies beside it, its name ending in `.part`,
 * and is gone on with, by this call after a broken connection or by the next process after a crash.
 *
 * Asked for the same file twice at once, this process fetches it once; two processes fetch one each.
 *
 * @returns The path of the file.
 * @throws a {@link DataError} with each mirror's failure when none delivers.
 */
export function downloadFile(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const path = resolve(options.folder, file.name);
  const running = underWay.get(path);
  if (running !== undefined) {
    return running;
  }
  const download = downloadOnce(file, options).finally(() => underWay.delete(path));
  underWay.set(path, download);
  return download;
}

async function downloadOnce(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const { folder, connectTimeout = 5_000, stallTimeout = 15_000, onMessage } = options;
  // Compression does not grow a file by more than a little; anything longer is another file.
  const fetchOptions = { connectTimeout, stallTimeout, onMessage, limit: file.size + 65_536 };
  const partial = await PartialFile.claim(folder, file.name);
  const failures: string[] = [];
  for (const address of addressesOf(file, options, partial)) {
    try {
      const compressed = await fetchVerified(address, file, partial, fetchOptions);
      const path = join(folder, file.name);
      await writeFileAtomic(path, compressed);
      await partial.remove();
      return path;
    } catch (error) {
      const failure = `${address}: ${describe(error)}`;
      onMessage?.(failure);
      failures.push(failure);
    }
  }
  await partial.giveUp();
  throw new DataError(`Could not download ${file.name}. ${failures.join("; ")}`);
}

/** Each mirror's, that of the part so far first. */
function addressesOf(file: RemoteFile, { mirrors }: DownloadOptions, { origin }: PartialFile): string[] {
  const addresses = mirrors.map((mirror) => new URL(file.name, mirror.endsWith("/") ? mirror : `${mirror}/`).href);
  return addresses.sort((a, b) => Number(b === origin?.address) - Number(a === origin?.address));
}

/** Fetches from one mirror, going on after what breaks off, and once anew when what was put together is wrong. */
async function fetchVerified(
  address: string,
  file: RemoteFile,
  partial: PartialFile,
  options: FetchFileOptions,
): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    const isResumed = partial.origin?.address === address && partial.size > 0;
    let failure: unknown;
    try {
      failure = await fetchFile(address, partial, options);
      if (failure === undefined) {
        return await takeWhole(partial, file);
      }
    } catch (error) {
      // Only where an old part was the trouble, and is gone, will asking again help.
      if (!isResumed || partial.size > 0) {
        throw error;
      }
      failure = error;
    }
    if (attempt === attempts) {
      throw failure;
    }
    options.onMessage?.(`${address}: ${describe(failure)}`);
  }
}

/** The bytes, if they are right; otherwise the part is removed. */
async function takeWhole(partial: PartialFile, file: RemoteFile): Promise<Uint8Array> {
  const compressed = await partial.read();
  try {
    verify(compressed, file);
  } catch (error) {
    await partial.remove();
    throw error;
  }
  return compressed;
}

function verify(compressed: Uint8Array, file: RemoteFile): void {
  const content = gunzip(compressed, "the answer", file.size + 1);
  if (content.length !== file.size) {
    const came = content.length > file.size ? "more" : `${content.length}`;
    throw new DataError(`has ${came} bytes of content, expected ${file.size}`);
  }
  const { sha256Of = "content" } = file;
  const sum = createHash("sha256")
    .update(sha256Of === "gzip" ? compressed : content)
    .digest("hex");
  if (sum !== file.sha256) {
    throw new DataError(
      `SHA-256 of the ${sha256Of === "gzip" ? "file" : "content"} is ${sum}, expected ${file.sha256}`,
    );
  }
}

/** A failure in a few words, with what lies under fetch's bare "fetch failed". */
function describe(error: unknown): string {
  const { message, cause } = error as Error;
  if (DataError.isInstance(error)) {
    return message;
  }
  const under = (cause as { code?: string; message?: string } | undefined) ?? {};
  return under.code ?? (message === "fetch failed" ? under.message : undefined) ?? message;
}

/**
 * Asks all mirrors at once and puts the first to answer at the front, the others behind in their order.
 *
 * @param timeout - Milliseconds to wait for the first answer.
 * @returns None when no mirror answers in time; any HTTP answer counts.
 */
export async function reachableMirrors(mirrors: readonly string[], timeout: number): Promise<string[]> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeout);
  try {
    const first = await Promise.any(
      mirrors.map(async (mirror) => {
        const response = await fetch(mirror, { method: "HEAD", signal: controller.signal });
        await response.body?.cancel();
        return mirror;
      }),
    );
    return [first, ...mirrors.filter((mirror) => mirror !== first)];
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}
