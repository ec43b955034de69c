import { createHash } from "node:crypto";
import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { gunzip } from "./idx-files.js";
import type { RemoteFile } from "./mnist-source.js";

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

/**
 * Fetches one gzip file from the first mirror that delivers it whole.
 *
 * The content is checked against its SHA-256 before anything appears in the folder, so that a file under
 * the final name is always a finished and right one.
 *
 * @returns The path of the file.
 * @throws a {@link DataError} with each mirror's failure when none delivers.
 */
export async function downloadFile(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const { mirrors, folder, connectTimeout = 5_000, stallTimeout = 15_000, onMessage } = options;
  const failures: string[] = [];
  for (const mirror of mirrors) {
    const address = new URL(file.name, mirror.endsWith("/") ? mirror : `${mirror}/`).href;
    let compressed: Uint8Array;
    try {
      compressed = await fetchBytes(address, file, { connectTimeout, stallTimeout, onMessage });
      verify(compressed, file);
    } catch (error) {
      const failure = `${address}: ${describe(error)}`;
      onMessage?.(failure);
      failures.push(failure);
      continue;
    }
    const path = join(folder, file.name);
    await writeFileAtomic(path, compressed);
    return path;
  }
  throw new DataError(`Could not download ${file.name}. ${failures.join("; ")}`);
}

async function fetchBytes(
  address: string,
  file: RemoteFile,
  options: { connectTimeout: number; stallTimeout: number; onMessage: ((message: string) => void) | undefined },
): Promise<Uint8Array> {
  const { connectTimeout, stallTimeout, onMessage } = options;
  const controller = new AbortController();
  const abortAfter = (delay: number, reason: string) =>
    setTimeout(() => controller.abort(new DataError(reason)), delay);
  let timer = abortAfter(connectTimeout, `no answer within ${connectTimeout / 1000} s`);
  try {
    const response = await fetch(address, { signal: controller.signal });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new DataError(`answered ${response.status} ${response.statusText}`.trim());
    }
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    onMessage?.(`Downloading ${address} (${Number.isNaN(announced) ? "size not announced" : readableSize(announced)})`);
    // Compression does not grow a file by more than a little; anything longer is another file.
    const limit = file.size + 65_536;
    const chunks: Uint8Array[] = [];
    let received = 0;
    const reader = response.body.getReader();
    while (true) {
      clearTimeout(timer);
      timer = abortAfter(stallTimeout, `no data for ${stallTimeout / 1000} s after ${readableSize(received)}`);
      const { done, value } = await reader.read();
      if (done) {
        break;
      }
      chunks.push(value);
      received += value.length;
      if (received > limit) {
        await reader.cancel();
        throw new DataError(`sent more than the ${readableSize(limit)} the file can have`);
      }
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

function verify(compressed: Uint8Array, file: RemoteFile): void {
  const content = gunzip(compressed, "the answer", file.size);
  const sum = createHash("sha256").update(content).digest("hex");
  if (sum !== file.sha256) {
    throw new DataError(`SHA-256 of the content is ${sum}, expected ${file.sha256}`);
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

function readableSize(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
