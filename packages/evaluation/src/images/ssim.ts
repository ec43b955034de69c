import { type ImageBatch, ShapeError } from "@mmgen/core";
import { fields, oneOf, optional, resolveOptions } from "@mmgen/core/options";
import { checkImagePair, displayBytes } from "./image-pair.js";

/** Options of {@link ssim}. */
export interface SsimOptions {
  /**
   * "each" compares every channel and takes the mean; "luma" compares 0.299 red + 0.587 green + 0.114 blue, as the paper
   * compares gray images. Default: "each".
   */
  readonly channels?: "each" | "luma" | undefined;
}

const ssimSchema = fields({ channels: optional(oneOf(["each", "luma"]), "each") });

/** Side of the window, and the standard deviation of its weights, in pixels. */
const side = 11;
const deviation = 1.5;
/** (0.01 · 255)² and (0.03 · 255)². */
const c1 = 2.55 ** 2;
const c2 = 7.65 ** 2;
const lumaWeights = [0.299, 0.587, 0.114];

/**
 * Structural similarity of images as bytes, in [−1, 1]; 1 where all are equal.
 *
 * Windows of 11 × 11 pixels with Gaussian weights (σ 1.5), K₁ 0.01, K₂ 0.03, biased variances; a mean over all windows
 * that lie within the image, over the channels and the images.
 *
 * @param images - `[count, height, width, channels]`, at least 11 × 11 pixels; borrowed. Levels below 255 are scaled to
 *   bytes and rounded.
 * @param reconstructions - Of the same shape and range; borrowed.
 * @throws a {@link ShapeError} when the two batches differ in shape or range, are empty or too small, or "luma" is asked of
 *   images that have not 3 channels; a `ConfigError` for an option that is unknown.
 * @see Wang et al. 2004, https://www.cns.nyu.edu/pub/eero/wang03-reprint.pdf
 */
export function ssim(images: ImageBatch, reconstructions: ImageBatch, options: SsimOptions = {}): number {
  const { channels } = resolveOptions(ssimSchema, options);
  checkImagePair("ssim", images, reconstructions);
  const { height, width, count } = images;
  if (height < side || width < side) {
    throw new ShapeError(`ssim: expected images of at least ${side} × ${side} pixels, got ${height} × ${width}.`);
  }
  if (channels === "luma" && images.channels !== 3) {
    throw new ShapeError(`ssim: luma takes images of 3 channels, red, green and blue, got ${images.channels}.`);
  }
  const bytes = displayBytes(images.maxValue);
  const mixes = channels === "luma" ? [lumaWeights] : Array.from({ length: images.channels }, (_, i) => oneChannel(i));
  const compare = windowComparison(height, width);
  const planes = [new Float64Array(height * width), new Float64Array(height * width)] as const;
  let sum = 0;
  for (let image = 0; image < count; image++) {
    for (const mix of mixes) {
      for (const [i, batch] of [images, reconstructions].entries()) {
        fillPlane(planes[i]!, batch, { image, mix, bytes });
      }
      sum += compare(...planes);
    }
  }
  return sum / (count * mixes.length);
}

function oneChannel(index: number): number[] {
  return Array.from({ length: index + 1 }, (_, channel) => (channel === index ? 1 : 0));
}

/** Writes a weighted sum of an image's channels, as bytes, into `plane`. */
function fillPlane(
  plane: Float64Array,
  { data, channels }: ImageBatch,
  { image, mix, bytes }: { readonly image: number; readonly mix: readonly number[]; readonly bytes: Uint8Array },
): void {
  const start = image * plane.length * channels;
  for (let pixel = 0; pixel < plane.length; pixel++) {
    let value = 0;
    for (let channel = 0; channel < mix.length; channel++) {
      value += mix[channel]! * bytes[data[start + pixel * channels + channel]!]!;
    }
    plane[pixel] = value;
  }
}

/** A function that takes two planes of this size and returns the mean similarity of their windows. */
function windowComparison(height: number, width: number): (x: Float64Array, y: Float64Array) => number {
  const weights = gaussianWeights();
  const sums: ColumnSums = {
    ...{ x: new Float64Array(width), y: new Float64Array(width) },
    ...{ xx: new Float64Array(width), yy: new Float64Array(width), xy: new Float64Array(width) },
  };
  return (x, y) => {
    let sum = 0;
    for (let top = 0; top + side <= height; top++) {
      sumColumns(sums, x, y, { top, weights });
      for (let left = 0; left + side <= width; left++) {
        sum += windowSimilarity(sums, left, weights);
      }
    }
    return sum / ((width - side + 1) * (height - side + 1));
  };
}

/** Weighted sums down the columns of one row of windows, `[width]` each: of both planes, their squares and their product. */
interface ColumnSums {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly xx: Float64Array;
  readonly yy: Float64Array;
  readonly xy: Float64Array;
}

function sumColumns(
  sums: ColumnSums,
  x: Float64Array,
  y: Float64Array,
  { top, weights }: { readonly top: number; readonly weights: Float64Array },
): void {
  for (const sum of Object.values(sums)) {
    sum.fill(0);
  }
  const width = sums.x.length;
  for (let row = 0; row < side; row++) {
    const weight = weights[row]!;
    const start = (top + row) * width;
    for (let column = 0; column < width; column++) {
      const a = x[start + column]!;
      const b = y[start + column]!;
      sums.x[column]! += weight * a;
      sums.y[column]! += weight * b;
      sums.xx[column]! += weight * a * a;
      sums.yy[column]! += weight * b * b;
      sums.xy[column]! += weight * a * b;
    }
  }
}

/** Similarity of the window whose first column is `left`. */
function windowSimilarity(sums: ColumnSums, left: number, weights: Float64Array): number {
  let [x, y, xx, yy, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < side; i++) {
    const weight = weights[i]!;
    x += weight * sums.x[left + i]!;
    y += weight * sums.y[left + i]!;
    xx += weight * sums.xx[left + i]!;
    yy += weight * sums.yy[left + i]!;
    xy += weight * sums.xy[left + i]!;
  }
  const luminance = (2 * x * y + c1) / (x * x + y * y + c1);
  const structure = (2 * (xy - x * y) + c2) / (xx - x * x + (yy - y * y) + c2);
  return luminance * structure;
}

/** Of one axis; those of a window are their products. They add up to 1. */
function gaussianWeights(): Float64Array {
  const weights = Float64Array.from({ length: side }, (_, i) =>
    Math.exp(-((i - (side - 1) / 2) ** 2) / (2 * deviation ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
