import { optional } from "valibot";
import { fields } from "../options/fields.js";
import { resolveOptions } from "../options/resolve-options.js";
import { wholeNumber } from "../options/values.js";

/**
 * What reading a file may take, whoever made the file. Every reader keeps to {@link defaultLimits} and takes others as
 * its `limits`; a file beyond one is refused with the limit's name before that much is allocated.
 */
export interface Limits {
  /** Bytes of any file that is read whole. Default: 2³⁰, 1 GiB. */
  readonly fileBytes: number;
  /** Bytes that one compressed file or image may inflate to. Default: 2³⁰, 1 GiB. */
  readonly inflatedBytes: number;
  /** Bytes of a file that is text: JSON, captions, lines, SVG. Default: 2²⁶, 64 MiB. */
  readonly textBytes: number;
  /** Bytes of a safetensors file's header, which is JSON. Default: 2²⁵, 32 MiB. */
  readonly headerBytes: number;
  /** Arrays of a safetensors file. Default: 100 000. */
  readonly tensors: number;
  /** Values of a model that no file holds, masks and tables of positions, in all. Default: 2²⁷, 512 MiB. */
  readonly constantValues: number;
  /** Objects and lists inside each other, in JSON and in pickles. Default: 64. */
  readonly depth: number;
  /** Pixels of one image, compared with its header before it is decoded. Default: 2²⁶, 8192 × 8192. */
  readonly pixels: number;
  /** Images that are decoded at the same time. Default: 16. */
  readonly imagesAtOnce: number;
  /** Milliseconds that a file of instructions, such as a pickle, may run. Default: 60 000. */
  readonly parseMilliseconds: number;
}

/** The limits of every reader that is given none. */
export const defaultLimits: Limits = Object.freeze({
  fileBytes: 2 ** 30,
  inflatedBytes: 2 ** 30,
  textBytes: 2 ** 26,
  headerBytes: 2 ** 25,
  tensors: 100_000,
  constantValues: 2 ** 27,
  depth: 64,
  pixels: 2 ** 26,
  imagesAtOnce: 16,
  parseMilliseconds: 60_000,
});

/**
 * Fills in {@link defaultLimits} for the limits that are not given.
 *
 * @param path - The option's name, for the message.
 * @throws a `ConfigError` when a name is unknown or a value is not a whole number of at least 0.
 */
export function resolveLimits(limits: Partial<Limits> = {}, path = "limits"): Limits {
  return resolveOptions(limitsSchema(), limits, { path });
}

function limitsSchema() {
  const limit = (name: keyof Limits) => optional(wholeNumber({ min: 0 }), defaultLimits[name]);
  return fields({
    fileBytes: limit("fileBytes"),
    inflatedBytes: limit("inflatedBytes"),
    textBytes: limit("textBytes"),
    headerBytes: limit("headerBytes"),
    tensors: limit("tensors"),
    constantValues: limit("constantValues"),
    depth: limit("depth"),
    pixels: limit("pixels"),
    imagesAtOnce: limit("imagesAtOnce"),
    parseMilliseconds: limit("parseMilliseconds"),
  });
}
