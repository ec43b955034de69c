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
  const line = grid * channels;
  // Of one image, the means along its rows, `[height, grid, channels]`.
  const means = new Float64Array(height * line);
  for (let image = 0; image < count; image++) {
    means.fill(0);
    for (let y = 0; y < height; y++) {
      for (const { cell, pixel, share } of horizontal) {
        const from = ((image * height + y) * width + pixel) * channels;
        for (let channel = 0; channel < channels; channel++) {
          means[y * line + cell * channels + channel]! += share * data[from + channel]!;
        }
      }
    }
    const sums = new Float64Array(dimension);
    for (const { cell, pixel, share } of vertical) {
      for (let i = 0; i < line; i++) {
        sums[cell * line + i]! += share * means[pixel * line + i]!;
      }
    }
    for (let i = 0; i < dimension; i++) {
      rows[image * dimension + i] = sums[i]! / maxValue - 0.5;
    }
  }
  return { data: rows, count, dimension };
}

/** A pixel's share of a cell, along one axis. */
interface CellShare {
  readonly cell: number;
  readonly pixel: number;
  readonly share: number;
}

/** The pixels of all cells along an axis; a pixel that two cells cut counts in both. */
function cells(side: number): CellShare[] {
  const extent = side / grid;
  return Array.from({ length: grid }, (_, cell) => {
    const [start, end] = [cell * extent, (cell + 1) * extent];
    const pixels = Array.from({ length: Math.ceil(end) - Math.floor(start) }, (_, i) => Math.floor(start) + i);
    return pixels.map((pixel) => ({
      ...{ cell, pixel },
      share: (Math.min(end, pixel + 1) - Math.max(start, pixel)) / extent,
    }));
  }).flat();
}
