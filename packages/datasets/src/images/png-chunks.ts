import { crc32, inflateSync } from "node:zlib";
import { DataError } from "@mmgen/core";

/** The parts of a PNG file that make its image. */
export interface PngChunks {
  readonly bits: number;
  readonly colorType: number;
  readonly isInterlaced: boolean;
  /** Red, green and blue of each index; only where the file has a palette. */
  readonly palette: Uint8Array | undefined;
  /** The content of `tRNS`: alphas of a palette, or the one transparent color. */
  readonly transparency: Uint8Array | undefined;
  /** Compressed, in order. */
  readonly data: readonly Uint8Array[];
}

/** More than 500 MB of data in pieces of 8 kB, as common writers cut them. */
const maxChunks = 100_000;

/** Of all profiles and texts of a file together; color profiles have kilobytes. */
const maxProfileBytes = 2 ** 24;

/** Bit depths of each color type. */
const depths: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/**
 * Splits a PNG file into its chunks and verifies their checksums; unknown ones, and those of animations, are passed over.
 *
 * @param bytes - A file that `readImageHeader` found to be a PNG; the chunks are views of it.
 * @throws a {@link DataError} when the file is truncated, damaged, or not by the standard.
 * @see https://www.w3.org/TR/png-3/#5Chunk-layout
 */
export function readPngChunks(bytes: Uint8Array): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [bits, colorType, compression, filter, interlace] = bytes.subarray(24, 29) as unknown as number[];
  if (!depths[colorType!]?.includes(bits!) || compression !== 0 || filter !== 0 || interlace! > 1) {
    throw new DataError(
      `expected a PNG header of a known kind, got depth ${bits}, color type ${colorType}, methods ${compression}, ${filter}, ${interlace}`,
    );
  }
  const data: Uint8Array[] = [];
  const found: { PLTE?: Uint8Array; tRNS?: Uint8Array } = {};
  let last = "";
  for (const { type, content, at } of walkChunks(bytes)) {
    if (crc32(bytes.subarray(at + 4, at + 8 + content.length)) !== view.getUint32(at + 8 + content.length)) {
      throw new DataError("damaged: a checksum is wrong");
    }
    if (type === "IDAT") {
      data.push(content);
    } else if (type === "PLTE" || type === "tRNS") {
      if (found[type] !== undefined || data.length > 0) {
        throw new DataError(`expected one ${type} before the image data`);
      }
      found[type] = content;
    } else if ((type === "IHDR") !== (last === "") || (/^[A-Z]/.test(type) && type !== "IHDR" && type !== "IEND")) {
      throw new DataError("expected no critical chunk of an unknown kind");
    }
    last = type;
  }
  if (last !== "IEND") {
    throw new DataError("truncated");
  }
  const palette = colorType === 3 ? found.PLTE : undefined;
  if (colorType === 3 && (palette === undefined || palette.length % 3 !== 0 || palette.length > 3 * 2 ** bits!)) {
    throw new DataError("expected a palette of whole colors, at most as many as the depth has indices");
  }
  checkTransparency(colorType!, found.tRNS, palette);
  return { bits: bits!, colorType: colorType!, isInterlaced: interlace === 1, palette, transparency: found.tRNS, data };
}

/**
 * Checks that the profiles and texts of a PNG file, which may be compressed, do not inflate to more than 16 MiB.
 *
 * @throws a {@link DataError} when they do, or there are more than 100 000 chunks.
 */
export function checkPngProfiles(bytes: Uint8Array): void {
  let room = maxProfileBytes;
  for (const { type, content } of walkChunks(bytes)) {
    if (type === "iCCP" || type === "zTXt" || type === "iTXt") {
      room -= inflatedLength(type, content, room);
    }
  }
}

/** A name, a zero and a byte come before the compressed content; in iTXt two bytes, a language and a keyword in it. */
function inflatedLength(type: string, content: Uint8Array, room: number): number {
  let start = content.indexOf(0) + 2;
  if (type === "iTXt") {
    if (content[start - 1] === 0) {
      return 0;
    }
    start = content.indexOf(0, content.indexOf(0, start + 1) + 1) + 1;
  }
  try {
    return inflateSync(content.subarray(start), { maxOutputLength: Math.max(1, room) }).length;
  } catch (cause) {
    if ((cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
      throw new DataError(`expected profiles and texts of at most ${maxProfileBytes} bytes, got more`, { cause });
    }
    return 0; // Damaged: for whoever reads it to judge.
  }
}

interface Chunk {
  readonly type: string;
  readonly content: Uint8Array;
  /** Where its length stands. */
  readonly at: number;
}

/** The chunks up to IEND, or up to where the file is cut. */
function* walkChunks(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 8;
  for (let count = 0; count < maxChunks; count++) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (length > bytes.length - at - 12) {
      return;
    }
    const type = String.fromCharCode(bytes[at + 4]!, bytes[at + 5]!, bytes[at + 6]!, bytes[at + 7]!);
    yield { type, content: bytes.subarray(at + 8, at + 8 + length), at };
    if (type === "IEND") {
      return;
    }
    at += 12 + length;
  }
  throw new DataError(`expected at most ${maxChunks} chunks`);
}

function checkTransparency(colorType: number, { length }: Uint8Array = new Uint8Array(), palette?: Uint8Array): void {
  const fits = { 0: length === 2, 2: length === 6, 3: length <= (palette?.length ?? 0) / 3 }[colorType] ?? false;
  if (length > 0 && !fits) {
    throw new DataError(`expected no tRNS of ${length} bytes with color type ${colorType}`);
  }
}
