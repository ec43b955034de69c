import { constants, gunzipSync } from "node:zlib";
import { DataError } from "../errors/errors.js";
import { defaultLimits } from "./limits.js";

/** Options of {@link gunzip}. */
export interface GunzipOptions {
  /** A file whose content is larger is refused once that much is decompressed; `defaultLimits.inflatedBytes` when absent. */
  readonly maxBytes?: number | undefined;
}

/** Bytes of content that a byte of gzip can hold at most. */
const maxRatio = 1032;

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses a gzip file, checksum and length checked.
 *
 * @param name - What messages call the file.
 * @returns The content, in a plain Uint8Array of its own.
 * @throws a {@link DataError} when the file is truncated, damaged, or holds more than `maxBytes`.
 */
export function gunzip(bytes: Uint8Array, name: string, options: GunzipOptions = {}): Uint8Array<ArrayBuffer> {
  const { maxBytes = defaultLimits.inflatedBytes } = options;
  try {
    return plain(gunzipSync(bytes, { maxOutputLength: Math.max(1, maxBytes) }));
  } catch (cause) {
    const reason =
      (cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE"
        ? `expected at most ${maxBytes} bytes of content, got more`
        : `not readable as gzip (${(cause as Error).message}); it is truncated or damaged`;
    throw new DataError(`${name}: ${reason}. Fetch it again, or raise the limit where it comes from you.`, { cause });
  }
}

/**
 * Decompresses the beginning of a gzip file, so that its header can be looked at before there is room for all of it.
 *
 * @param length - Bytes of content; fewer come where the file has fewer.
 * @throws a {@link DataError} when the file is damaged before that.
 */
export function gunzipStart(bytes: Uint8Array, name: string, length: number): Uint8Array {
  // Each round looks at more of the file: its own header may be long, with a name or a comment in it.
  for (let size = 1024; ; size *= 8) {
    const head = bytes.subarray(0, size);
    try {
      const content = gunzipSync(head, {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: maxRatio * head.length + 1024,
      });
      if (content.length >= length || head.length === bytes.length) {
        return plain(content).subarray(0, length);
      }
    } catch (cause) {
      throw new DataError(`${name}: not readable as gzip (${(cause as Error).message}). Fetch it again.`, { cause });
    }
  }
}

/** Not a Buffer, whose `slice` would share memory, nor a view of a larger one. */
function plain({ buffer, byteOffset, byteLength }: Buffer): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return buffer.byteLength === byteLength ? content : content.slice();
}
