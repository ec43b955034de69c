import { AbortedError, DataError, quote } from "@mmgen/core";
import type { PartialFile, PartialOrigin } from "./partial-file.js";
import type { RemoteAddress } from "./remote-address.js";

/** Options of {@link fetchFile}. */
export interface FetchFileOptions {
  /** Milliseconds until the server must have answered. */
  readonly connectTimeout: number;
  /** Milliseconds the server may pause in the middle. */
  readonly stallTimeout: number;
  /** Bytes a second that must arrive on average over each `stallTimeout`. */
  readonly minRate: number;
  /** Largest number of bytes that the file can have. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly onMessage: ((message: string) => void) | undefined;
}

/**
 * Fetches the rest of `partial` by one request; what arrives before a failure stays in `partial`.
 *
 * A part of this address is resumed by `Range` and `If-Range`: a server whose file has changed, or that supports no
 * ranges, sends the whole file.
 *
 * @returns `undefined` when the file is complete; the failure when a further request may resume from there.
 * @throws a {@link DataError}, or fetch's own error, when the server does not answer, refuses, or sends something else.
 * @throws an {@link AbortedError} when the signal fires.
 */
export async function fetchFile(
  address: RemoteAddress,
  partial: PartialFile,
  options: FetchFileOptions,
): Promise<Error | undefined> {
  const { connectTimeout, stallTimeout, limit, onMessage, signal } = options;
  const controller = new AbortController();
  const abortAfter = (delay: number, reason: string) =>
    setTimeout(() => controller.abort(new DataError(reason)), delay);
  const stop = () => controller.abort(new AbortedError("The download was stopped.", { cause: signal.reason }));
  let timer = abortAfter(connectTimeout, `no answer within ${connectTimeout / 1000} s`);
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) {
      stop();
    }
    const headers = requestHeaders(address, partial);
    const response = await fetch(address.url, { signal: controller.signal, headers });
    if (!(await acceptAnswer(address, response, partial))) {
      return undefined;
    }
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    await checkSize(partial, partial.size + announced, limit);
    const total = Number.isNaN(announced) ? "size not announced" : readableSize(partial.size + announced);
    const verb = partial.size > 0 ? `Resuming after ${readableSize(partial.size)}:` : "Downloading";
    onMessage?.(`${verb} ${address.shown} (${total})`);
    const reader = response.body!.getReader();
    const rate = new RateCheck(options);
    while (true) {
      clearTimeout(timer);
      timer = abortAfter(stallTimeout, `no data for ${stallTimeout / 1000} s after ${readableSize(partial.size)}`);
      const chunk = await reader.read().catch((error: Error) => error);
      if (chunk instanceof Error) {
        return resumable(controller.signal.aborted ? controller.signal.reason : chunk, partial);
      }
      if (chunk.done) {
        return undefined;
      }
      await checkSize(partial, partial.size + chunk.value.length, limit);
      await partial.append(chunk.value);
      const tooSlow = rate.add(chunk.value.length);
      if (tooSlow !== undefined) {
        return resumable(tooSlow, partial);
      }
    }
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    await partial.close();
    controller.abort();
  }
}

/** The failure, where a further request may resume; else throws it. */
function resumable(failure: Error, { origin }: PartialFile): Error {
  if (origin === undefined || AbortedError.isInstance(failure)) {
    throw failure;
  }
  return failure;
}

/** Refuses a file that is, or is said to be, longer than it can be. */
async function checkSize(partial: PartialFile, size: number, limit: number): Promise<void> {
  if (size > limit) {
    await partial.remove();
    throw new DataError(`sent more than the ${readableSize(limit)} the file can have`);
  }
}

/** Counts what arrives, since a server may send a byte now and then for ever. */
class RateCheck {
  readonly #period: number;
  readonly #minRate: number;
  #start = performance.now();
  #bytes = 0;

  constructor({ stallTimeout, minRate }: FetchFileOptions) {
    this.#period = stallTimeout;
    this.#minRate = minRate;
  }

  /** @returns The failure, where a period has ended with too few bytes. */
  add(bytes: number): DataError | undefined {
    this.#bytes += bytes;
    const seconds = (performance.now() - this.#start) / 1000;
    if (1000 * seconds < this.#period) {
      return undefined;
    }
    if (this.#bytes < this.#minRate * seconds) {
      return new DataError(
        `too slow: ${this.#bytes} bytes in ${seconds.toFixed(1)} s, expected at least ${this.#minRate} a second (minRate)`,
      );
    }
    this.#start = performance.now();
    this.#bytes = 0;
    return undefined;
  }
}

function requestHeaders(address: RemoteAddress, { origin, size }: PartialFile): Record<string, string> {
  // Uncompressed: a range of a body compressed on the way would be a range of other bytes.
  const headers = { "accept-encoding": "identity", ...address.headers };
  return origin?.address === address.shown && size > 0
    ? { ...headers, range: `bytes=${size}-`, "if-range": origin.validator }
    : headers;
}

/** Prepares `partial` for the answer's body; false when the file is complete already. */
async function acceptAnswer(address: RemoteAddress, response: Response, partial: PartialFile): Promise<boolean> {
  const { status, statusText, body } = response;
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (status === 200 && body !== null) {
    await partial.restart(originOf(address.shown, response));
    return true;
  }
  const isNext = range !== null && partial.size > 0 && Number(range[1]) === partial.size;
  if (status === 206 && body !== null && isNext && isOfVersion(response, partial)) {
    return true;
  }
  await body?.cancel();
  if (status === 416 && range !== null && Number(range[2]) === partial.size) {
    return false;
  }
  if (status === 206 || status === 416) {
    const [asked, came] = [partial.size, quote(response.headers.get("content-range") ?? "no range")];
    await partial.remove();
    throw new DataError(`answered ${status} with ${came}, asked for what follows byte ${asked} of an earlier version`);
  }
  throw new DataError(`answered ${status} ${statusText.slice(0, 100)}`.trim());
}

/** Whether the answer's version, where it states one, is that of the part. */
function isOfVersion(response: Response, { origin }: PartialFile): boolean {
  const found = originOf("", response);
  return found === undefined || found.validator === origin?.validator;
}

/** A weak ETag does not identify exact bytes and is passed over. */
function originOf(address: string, { headers }: Response): PartialOrigin | undefined {
  const tag = headers.get("etag");
  const validator = tag !== null && !tag.startsWith("W/") ? tag : headers.get("last-modified");
  return validator === null || validator.length > 1000 ? undefined : { address, validator };
}

/** "26.4 MB", "30 kB". */
function readableSize(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
