import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { DataError } from "@mmgen/core";
import { gunzip, writeFileAtomic } from "@mmgen/core/node";
import {
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  number,
  type OptionsOf,
  optional,
  resolveOptions,
  text,
} from "@mmgen/core/options";
import { type FetchFileOptions, fetchFile } from "./fetch-file.js";
import { PartialFile } from "./partial-file.js";

/** A gzip file on the web, identified by its checksum. */
export interface RemoteFile {
  /** Name at the mirrors and in the cache. */
  readonly name: string;
  /** In hexadecimal; see `sha256Of`. */
  readonly sha256: string;
  /**
   * What `sha256` is of: the decompressed `content` (default), the same however a mirror compresses it, or the `gzip`
   * file itself, where its publishers state that sum.
   */
  readonly sha256Of?: "content" | "gzip" | undefined;
  /** Size of the decompressed content, in bytes. */
  readonly size: number;
}

const downloadSchema = fields({
  /** Addresses of folders that hold the file, tried in order. */
  mirrors: listOf(text({ minLength: 1 })),
  /** Folder that the finished file goes to; created where it is missing. */
  folder: text({ minLength: 1 }),
  /** Milliseconds until a mirror must have answered; default 5000. */
  connectTimeout: optional(number({ above: 0 }), 5_000),
  /** Milliseconds a mirror may pause in the middle of a file; default 15000. */
  stallTimeout: optional(number({ above: 0 }), 15_000),
  /** Receives each address with its size, and each failure. */
  onMessage: optional(functionValue<(message: string) => void>()),
});

/** Options of {@link downloadFile}. */
export type DownloadOptions = OptionsOf<typeof downloadSchema>;
type DownloadConfig = ConfigOf<typeof downloadSchema>;

/** Requests in a row to one mirror that may break off; each resumes where the one before stopped. */
const maxAttempts = 4;

/** Downloads of this process that are not finished yet, by path. */
const running = new Map<string, Promise<string>>();

/**
 * Downloads one gzip file from the first mirror that delivers it whole.
 *
 * Size and SHA-256 of the content are checked before the file appears under its name, so a file that is there is complete
 * and right. What has arrived of an unfinished one is kept beside it, its name ending in `.part`, and resumed by this call
 * after a broken connection or by the next process after a crash.
 *
 * Two calls for one file in one process share a download; two processes download it once each.
 *
 * @returns The path of the file.
 * @throws a {@link DataError} with each mirror's failure when none delivers; a `ConfigError` for an unknown option.
 */
export async function downloadFile(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const config = resolveOptions(downloadSchema, options);
  const path = resolve(config.folder, file.name);
  const download = running.get(path) ?? downloadOnce(file, config).finally(() => running.delete(path));
  running.set(path, download);
  return download;
}

async function downloadOnce(file: RemoteFile, config: DownloadConfig): Promise<string> {
  const { folder, connectTimeout, stallTimeout, onMessage } = config;
  // Compression does not grow a file by more than a little; anything longer is another file.
  const fetchOptions = { connectTimeout, stallTimeout, onMessage, limit: file.size + 65_536 };
  const partial = await PartialFile.claim(folder, file.name);
  const failures: string[] = [];
  for (const address of addressesOf(file, config, partial)) {
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
  await partial.release();
  throw new DataError(`Could not download ${file.name}. ${failures.join("; ")}`);
}

/** The file's address at each mirror, that of the part so far first. */
function addressesOf(file: RemoteFile, { mirrors }: DownloadConfig, { origin }: PartialFile): string[] {
  const addresses = mirrors.map((mirror) => new URL(file.name, mirror.endsWith("/") ? mirror : `${mirror}/`).href);
  return addresses.sort((a, b) => Number(b === origin?.address) - Number(a === origin?.address));
}

/** Fetches from one mirror, resuming what breaks off, and once from the start when the resumed file is wrong. */
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
        return await readVerified(partial, file);
      }
    } catch (error) {
      // A second request helps only where an old part was wrong, and is removed now.
      if (!isResumed || partial.size > 0) {
        throw error;
      }
      failure = error;
    }
    if (attempt === maxAttempts) {
      throw failure;
    }
    options.onMessage?.(`${address}: ${describe(failure)}`);
  }
}

/** Reads the finished part; one with other bytes than expected is removed. */
async function readVerified(partial: PartialFile, file: RemoteFile): Promise<Uint8Array> {
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
  const content = gunzip(compressed, "the answer", { maxBytes: file.size + 1 });
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

/** A failure in a few words, with the cause of fetch's bare "fetch failed". */
function describe(error: unknown): string {
  const { message, cause } = error as Error;
  if (DataError.isInstance(error)) {
    return message;
  }
  const under = (cause as { code?: string; message?: string } | undefined) ?? {};
  return under.code ?? (message === "fetch failed" ? under.message : undefined) ?? message;
}

/**
 * Asks all mirrors at once; returns them with the first to answer at the front, the others in their order.
 *
 * @param timeout - Milliseconds to wait for the first answer.
 * @returns An empty list when no mirror answers in time; any HTTP answer counts.
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
