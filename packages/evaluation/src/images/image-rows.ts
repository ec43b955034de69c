import type { ImageBatch } from "@mmgen/core";
import type { Rows } from "./rows.js";

/** What of two images is compared: all pixels, or the means of an 8 × 8 grid of cells. */
export type ImageComparison = "pixels" | "means";

/** Cells of a side. */
const grid = 8;

/**
 * Images as rows to compare: levels as shares of the maximum, less 0.5, which shortens the rows and so their rounding.
 *
 * @returns `[count, height · width · channels]`, or `[count, 8 · 8 · channels]` for means; yours.
 */
export function imageRows(images: ImageBatch, comparison: ImageComparison): Rows {
  return comparison === "pixels" ? pixelRows(images) : meanRows(images);
}

function pixelRows({ data, count, height, width, channels, maxValue }: ImageBatch): Rows {
  const rows = new Float32Array(data.length);
  for (let i = 0; i < rows.length; i++) {
    rows[i] = data[i]! / maxValue - 0.5;
  }
  return { data: rows, count, dimension: height * width * channels };
}

function meanRows({ data, count, height, width, channels, maxValue }: ImageBatch): Rows {
  const dimension = grid * grid * channels;
  const rows = new Float32Array(count * dimension);
  const [vertical, horizontal] = [cells(height), cells(width)];
  for (let image = 0; image < count; image++) {
    for (let cell = 0; cell < dimension; cell++) {
      const channel = cell % channels;
      const column = horizontal[Math.floor(cell / channels) % grid]!;
      let sum = 0;
      for (const [y, tall] of vertical[Math.floor(cell / channels / grid)]!) {
        for (const [x, wide] of column) {
          sum += tall * wide * data[((image * height + y) * width + x) * channels + channel]!;
        }
      }
      rows[image * dimension + cell] = sum / maxValue - 0.5;
    }
  }
  return { data: rows, count, dimension };
}

/** The pixels of each cell along an axis with their shares of it; a pixel that two cells cut counts in both. */
function cells(side: number): (readonly [pixel: number, share: number])[][] {
  const extent = side / grid;
  return Array.from({ length: grid }, (_, cell) => {
    const [start, end] = [cell * extent, (cell + 1) * extent];
    const pixels = Array.from({ length: Math.ceil(end) - Math.floor(start) }, (_, i) => Math.floor(start) + i);
    return pixels.map((pixel) => [pixel, (Math.min(end, pixel + 1) - Math.max(start, pixel)) / extent] as const);
  });
}
