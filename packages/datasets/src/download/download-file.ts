import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { AbortedError, DataError } from "@mmgen/core";
import { gunzip, writeFileAtomic } from "@mmgen/core/node";
import {
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optional,
  resolveOptions,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { type FetchFileOptions, fetchFile } from "./fetch-file.js";
import { PartialFile } from "./partial-file.js";
import { type RemoteAddress, remoteAddress } from "./remote-address.js";
import { SharedTasks } from "./shared-tasks.js";

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

const remoteFileSchema = fields({
  name: value<string>("the name of a file without its folder", isFileName),
  sha256: value<string>("64 hexadecimal digits", (sum) => typeof sum === "string" && /^[0-9a-f]{64}$/i.test(sum)),
  sha256Of: optional(oneOf(["content", "gzip"]), "content"),
  size: wholeNumber({ min: 0 }),
});

/** A list of {@link RemoteFile}, as an option. */
export const remoteFiles = listOf(remoteFileSchema);

/** Stops what takes long, as an option. */
export const signalField = optional(value<AbortSignal>("an AbortSignal", (signal) => signal instanceof AbortSignal));

const downloadSchema = fields({
  /** Addresses of folders that hold the file, tried in order; user and password in them are sent, and never shown. */
  mirrors: listOf(text({ minLength: 1 })),
  /** Folder that the finished file goes to; created where it is missing. */
  folder: text({ minLength: 1 }),
  /** Milliseconds until a mirror must have answered; default 5000. */
  connectTimeout: optional(number({ above: 0 }), 5_000),
  /** Milliseconds a mirror may pause in the middle of a file; default 15000. */
  stallTimeout: optional(number({ above: 0 }), 15_000),
  /** Bytes a second that must arrive on average over each `stallTimeout`; default 1000. */
  minRate: optional(number({ min: 0 }), 1_000),
  /** Stops the download; what has arrived is kept. Default: none. */
  signal: signalField,
  /** Receives each address with its size, and each failure. Default: none. */
  onMessage: optional(functionValue<(message: string) => void>()),
});

/** Options of {@link downloadFile}. */
export type DownloadOptions = OptionsOf<typeof downloadSchema>;
type DownloadConfig = ConfigOf<typeof downloadSchema>;

/** Requests in a row to one mirror that may break off; each resumes where the one before stopped. */
const maxAttempts = 4;

/** Downloads of this process that are not finished yet, by path and content. */
const running = new SharedTasks<string>();

/**
 * Downloads one gzip file from the first mirror that delivers it whole.
 *
 * Size and SHA-256 of the content are checked before the file appears under its name, so a file that is there is complete
 * and right. What has arrived of an unfinished one is kept beside it, its name ending in `.part`, and resumed by this call
 * after a broken connection or by the next process after a crash. A mirror that sends nothing, or too little, for a while
 * is given up.
 *
 * Two calls for one file in one process share a download; two processes download it once each.
 *
 * @returns The path of the file.
 * @throws a {@link DataError} with each mirror's failure when none delivers; a `ConfigError` for an unknown option.
 * @throws an {@link AbortedError} when the signal fires.
 */
export async function downloadFile(file: RemoteFile, options: DownloadOptions): Promise<string> {
  const checked = resolveOptions(remoteFileSchema, file, { path: "file" });
  const config = resolveOptions(downloadSchema, options);
  for (const mirror of config.mirrors) {
    remoteAddress(mirror);
  }
  const key = JSON.stringify([resolve(config.folder, checked.name), checked]);
  return running.join(key, {
    start: (signal) => downloadOnce(checked, config, signal),
    signal: config.signal,
    what: `Downloading ${checked.name}`,
  });
}

async function downloadOnce(file: RemoteFile, config: DownloadConfig, signal: AbortSignal): Promise<string> {
  const { folder, connectTimeout, stallTimeout, minRate, onMessage } = config;
  // Compression does not grow a file by more than a little; anything longer is another file.
  const limit = file.size + 65_536;
  const fetchOptions = { connectTimeout, stallTimeout, minRate, onMessage, limit, signal };
  const partial = await PartialFile.claim(folder, file.name, limit);
  try {
    const compressed = await fetchFromAny(addressesOf(file, config, partial), file, partial, fetchOptions);
    const path = join(folder, file.name);
    await writeFileAtomic(path, compressed);
    await partial.remove();
    return path;
  } finally {
    // What has arrived stays for the next call, unless the file is there.
    await partial.release();
  }
}

/** Fetches from the first address that delivers. */
async function fetchFromAny(
  addresses: readonly RemoteAddress[],
  file: RemoteFile,
  partial: PartialFile,
  options: FetchFileOptions,
): Promise<Uint8Array> {
  const failures: string[] = [];
  for (const address of addresses) {
    try {
      return await fetchVerified(address, file, partial, options);
    } catch (error) {
      if (AbortedError.isInstance(error)) {
        throw error;
      }
      const failure = `${address.shown}: ${describe(error)}`;
      options.onMessage?.(failure);
      failures.push(failure);
    }
  }
  throw new DataError(`Could not download ${file.name}. ${failures.join("; ")}`);
}

/** The file's address at each mirror, that of the part so far first. */
function addressesOf(file: RemoteFile, { mirrors }: DownloadConfig, { origin }: PartialFile): RemoteAddress[] {
  const addresses = mirrors.map((mirror) => remoteAddress(mirror, file.name));
  return addresses.sort((a, b) => Number(b.shown === origin?.address) - Number(a.shown === origin?.address));
}

/** Fetches from one mirror, resuming what breaks off, and once from the start when the resumed file is wrong. */
async function fetchVerified(
  address: RemoteAddress,
  file: RemoteFile,
  partial: PartialFile,
  options: FetchFileOptions,
): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    const isResumed = partial.origin?.address === address.shown && partial.size > 0;
    let failure: unknown;
    try {
      failure = await fetchFile(address, partial, options);
      if (failure === undefined) {
        return await readVerified(partial, file);
      }
    } catch (error) {
      // A second request helps only where an old part was wrong, and is removed now.
      if (!isResumed || partial.size > 0 || AbortedError.isInstance(error)) {
        throw error;
      }
      failure = error;
    }
    if (attempt === maxAttempts) {
      throw failure;
    }
    options.onMessage?.(`${address.shown}: ${describe(failure)}`);
  }
}

/** Reads the finished part; one with other bytes than expected is removed. */
async function readVerified(partial: PartialFile, file: RemoteFile): Promise<Uint8Array> {
  const compressed = await partial.read();
  try {
    verifyFile(gunzip(compressed, "the answer", { maxBytes: file.size + 1 }), compressed, file);
  } catch (error) {
    await partial.remove();
    throw error;
  }
  return compressed;
}

/**
 * Checks size and SHA-256 of a file that was downloaded, now or earlier.
 *
 * @param compressed - The gzip file; undefined where only its content is there, whose sum may not be known then.
 * @throws a {@link DataError} that says what is different.
 */
export function verifyFile(content: Uint8Array, compressed: Uint8Array | undefined, file: RemoteFile): void {
  if (content.length !== file.size) {
    const came = content.length > file.size ? "more" : `${content.length}`;
    throw new DataError(`has ${came} bytes of content, expected ${file.size}`);
  }
  const { sha256Of = "content", sha256 } = file;
  const summed = sha256Of === "gzip" ? compressed : content;
  if (summed === undefined) {
    return;
  }
  const sum = createHash("sha256").update(summed).digest("hex");
  if (sum !== sha256.toLowerCase()) {
    throw new DataError(`SHA-256 of the ${sha256Of === "gzip" ? "file" : "content"} is ${sum}, expected ${sha256}`);
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

function isFileName(name: unknown): boolean {
  return typeof name === "string" && /^[^/\\:\p{Cc}]{1,200}$/u.test(name) && !/^\.{1,2}$/.test(name);
}
