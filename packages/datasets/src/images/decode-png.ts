import { inflateSync } from "node:zlib";
import { DataError, type Limits } from "@mmgen/core";
import { checkImageSize, pngChannels, readImageHeader } from "./image-header.js";
import { type PngChunks, readPngChunks } from "./png-chunks.js";

/** A decoded image, its palette and transparent color applied. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  /** The largest sample: 1, 3, 15, 255 or 65 535. */
  readonly full: number;
  /** `[height, width, channels]` row-major. */
  readonly samples: Uint8Array | Uint16Array;
}

/** Options of {@link decodePng}. */
export interface DecodePngOptions {
  readonly limits: Limits;
  /** Called with the size before anything is decompressed; it may throw. */
  readonly checkSize?: (width: number, height: number) => void;
}

/**
 * Decodes a PNG image of any color type, bit depth and interlacing; of an animation the first image.
 *
 * No more is decompressed than the size in the header needs.
 *
 * @returns Samples as stored; yours.
 * @throws a {@link DataError} when the file is damaged, not by the standard, or beyond the limits.
 */
export function decodePng(bytes: Uint8Array, { limits, checkSize }: DecodePngOptions): PngImage {
  const header = readImageHeader(bytes);
  if (header.format !== "PNG") {
    throw new DataError(`expected a PNG file, got ${header.format}`);
  }
  const { width, height } = header;
  checkSize?.(width, height);
  checkImageSize(header, limits);
  const chunks = readPngChunks(bytes);
  const channels = pngChannels[chunks.colorType]!;
  const passes = chunks.isInterlaced ? adam7 : [[0, 0, 1, 1] as const];
  const parts = passes.map(([left, top, stepX, stepY]) => {
    const [columns, rows] = [Math.ceil((width - left) / stepX), Math.ceil((height - top) / stepY)];
    // A row of a pass without columns has no filter byte either.
    const rowBytes = columns > 0 ? Math.ceil((columns * channels * chunks.bits) / 8) : 0;
    return { left, top, stepX, stepY, columns, rows: rowBytes > 0 ? Math.max(rows, 0) : 0, rowBytes };
  });
  const lines = inflate(
    chunks.data,
    parts.reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0),
  );
  const raw =
    chunks.bits === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  const step = Math.max(1, (channels * chunks.bits) / 8);
  let at = 0;
  for (const part of parts) {
    for (let row = 0; row < part.rows; row++) {
      unfilter(lines, { at, rowBytes: part.rowBytes, step, isFirst: row === 0 });
      const line = lines.subarray(at + 1, at + 1 + part.rowBytes);
      const first = (part.top + row * part.stepY) * width + part.left;
      for (let column = 0; column < part.columns; column++) {
        for (let channel = 0; channel < channels; channel++) {
          raw[(first + column * part.stepX) * channels + channel] = sampleAt(
            line,
            column * channels + channel,
            chunks.bits,
          );
        }
      }
      at += 1 + part.rowBytes;
    }
  }
  return { width, height, ...withColors(raw, chunks) };
}

/** Left, top, and distance of columns and rows of the seven passes. https://www.w3.org/TR/png-3/#8Interlace */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function inflate(data: readonly Uint8Array[], expected: number): Uint8Array {
  let lines: Uint8Array;
  try {
    lines = inflateSync(data.length === 1 ? data[0]! : Buffer.concat(data), { maxOutputLength: expected });
  } catch (cause) {
    const reason =
      (cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE"
        ? "more data than its size needs"
        : (cause as Error).message;
    throw new DataError(`damaged: ${reason}`, { cause });
  }
  if (lines.length < expected) {
    throw new DataError(`damaged: ${lines.length} bytes of image data, expected ${expected}`);
  }
  return lines;
}

interface FilteredRow {
  /** Where the row's filter byte is. */
  readonly at: number;
  readonly rowBytes: number;
  /** Bytes from a pixel to the next, at least 1. */
  readonly step: number;
  readonly isFirst: boolean;
}

/** Undoes the filter of one row in place, from the row before. https://www.w3.org/TR/png-3/#9Filters */
function unfilter(lines: Uint8Array, { at, rowBytes, step, isFirst }: FilteredRow): void {
  const filter = lines[at]!;
  if (filter > 4) {
    throw new DataError(`damaged: filter ${filter}, expected 0 to 4`);
  }
  if (filter === 0) {
    return;
  }
  const start = at + 1;
  for (let i = 0; i < rowBytes; i++) {
    const left = i >= step ? lines[start + i - step]! : 0;
    const above = isFirst ? 0 : lines[start + i - rowBytes - 1]!;
    const corner = isFirst || i < step ? 0 : lines[start + i - step - rowBytes - 1]!;
    const predicted =
      filter === 1 ? left : filter === 2 ? above : filter === 3 ? (left + above) >> 1 : paeth(left, above, corner);
    lines[start + i]! += predicted;
  }
}

function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
}

function sampleAt(line: Uint8Array, i: number, bits: number): number {
  if (bits === 8) {
    return line[i]!;
  }
  if (bits === 16) {
    return (line[2 * i]! << 8) | line[2 * i + 1]!;
  }
  return (line[(i * bits) >> 3]! >> (8 - bits - ((i * bits) & 7))) & (2 ** bits - 1);
}

/** Looks up the palette, and turns a transparent color into alpha. */
function withColors(
  raw: Uint8Array | Uint16Array,
  { bits, colorType, palette, transparency }: PngChunks,
): Pick<PngImage, "channels" | "full" | "samples"> {
  const stored = pngChannels[colorType]! as PngImage["channels"];
  const full = 2 ** bits - 1;
  if (palette !== undefined) {
    const channels = transparency === undefined ? 3 : 4;
    const samples = new Uint8Array(raw.length * channels);
    for (let pixel = 0; pixel < raw.length; pixel++) {
      const index = raw[pixel]!;
      if (3 * index >= palette.length) {
        throw new DataError(`damaged: color ${index} of a palette of ${palette.length / 3}`);
      }
      samples.set(palette.subarray(3 * index, 3 * index + 3), pixel * channels);
      if (transparency !== undefined) {
        samples[pixel * channels + 3] = transparency[index] ?? 255;
      }
    }
    return { channels, full: 255, samples };
  }
  if (transparency === undefined) {
    return { channels: stored, full, samples: raw };
  }
  const key = Array.from({ length: stored }, (_, i) => (transparency[2 * i]! << 8) | transparency[2 * i + 1]!);
  const channels = (stored + 1) as 2 | 4;
  const samples =
    bits === 16 ? new Uint16Array((raw.length / stored) * channels) : new Uint8Array((raw.length / stored) * channels);
  for (let pixel = 0; pixel * stored < raw.length; pixel++) {
    const color = raw.subarray(pixel * stored, (pixel + 1) * stored);
    samples.set(color, pixel * channels);
    samples[pixel * channels + stored] = key.every((level, i) => level === color[i]) ? 0 : full;
  }
  return { channels, full, samples };
}
