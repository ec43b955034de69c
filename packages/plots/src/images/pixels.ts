import {
  ConfigError,
  checkImageBatch,
  checkWholeNumber,
  describeValue,
  type ImageBatch,
  ShapeError,
} from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import { encode } from "fast-png";

/** Pixels of the largest image that is drawn or encoded, 16 384 × 16 384: more than viewers open. */
export const maxPixels = 2 ** 28;

/** An image in display levels 0 … 255, `[height, width, channels]` row-major; 1 channel is gray, 3 are RGB. */
export interface PixelImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * Converts one image of a batch to display levels: `round(level / maxValue · 255)`.
 *
 * @param images - `[count, height, width, channels]` with 1 or 3 channels; borrowed.
 * @param index - Which of them.
 * @param scale - Side of the square each pixel becomes, a whole number; nothing is smoothed.
 * @returns `[height · scale, width · scale, channels]`; yours.
 * @throws a {@link ShapeError} when the batch is malformed, has other channels, or has no image `index`; a
 *   {@link ConfigError} for a scale that is not a whole number of at least 1, or makes the image larger than 2²⁸ pixels.
 */
export function imagePixels(images: ImageBatch, index: number, scale = 1): PixelImage {
  checkWholeNumber("scale", scale, { min: 1 });
  checkDisplayable(images);
  checkPixelCount("scale", images.width * scale, images.height * scale);
  if (!Number.isInteger(index) || index < 0 || index >= images.count) {
    throw new ShapeError(`imagePixels: image ${describeValue(index)} is outside the batch of ${images.count} images.`);
  }
  return displayPixels(images, index, scale);
}

/** Throws {@link ConfigError} when the options named make an image of more than {@link maxPixels}. */
export function checkPixelCount(options: string, width: number, height: number): void {
  if (width * height > maxPixels) {
    throw new ConfigError(
      `${options}: expected an image of at most ${maxPixels} pixels, got ${width} × ${height}. Choose a smaller one.`,
    );
  }
}

/**
 * Throws {@link ShapeError} unless the image has whole, positive sides, 1 or 3 channels, and a level for each.
 *
 * @param maxSide - The longest side that the file format stores.
 */
export function checkPixelImage(name: string, image: PixelImage, maxSide: number): void {
  const pixels = readFields(name, (image ?? {}) as Partial<PixelImage>, ["data", "width", "height", "channels"]);
  const { data, width, height, channels } = pixels;
  for (const [axis, side] of Object.entries({ width, height })) {
    if (!Number.isInteger(side) || side! < 1 || side! > maxSide) {
      throw new ShapeError(
        `${name}: ${axis} must be a whole number from 1 to ${maxSide} pixels, got ${describeValue(side)}.`,
      );
    }
  }
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError(`${name}: expected 1 channel (gray) or 3 (RGB), got ${describeValue(channels)}.`);
  }
  checkImageBatch({ data: data!, count: 1, height: height!, width: width!, channels, maxValue: 255 }, name);
}

/** {@link imagePixels} for a batch and scale that are checked already. */
export function displayPixels(images: ImageBatch, index: number, scale: number): PixelImage {
  const { height, width, channels, maxValue } = images;
  const levels = displayLevels(maxValue);
  const offset = index * height * width * channels;
  const data = new Uint8Array(height * scale * width * scale * channels);
  const rowLength = width * scale * channels;
  for (let y = 0; y < height; y++) {
    const row = y * scale * rowLength;
    for (let x = 0; x < width * scale; x++) {
      const from = offset + (y * width + Math.floor(x / scale)) * channels;
      for (let channel = 0; channel < channels; channel++) {
        data[row + x * channels + channel] = levels[images.data[from + channel]!]!;
      }
    }
    for (let copy = 1; copy < scale; copy++) {
      data.copyWithin(row + copy * rowLength, row, row + rowLength);
    }
  }
  return { data, width: width * scale, height: height * scale, channels: channels as 1 | 3 };
}

/** Throws {@link ShapeError} unless the batch is well-formed, not empty, and of 1 or 3 channels. */
export function checkDisplayable(images: ImageBatch): void {
  checkImageBatch(images);
  const { count, height, width, channels } = images;
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError(`images: expected 1 channel (gray) or 3 (RGB) to draw, got ${channels}.`);
  }
  if (count < 1 || height < 1 || width < 1) {
    throw new ShapeError(
      `images: expected at least one image of one pixel to draw, got ${count} of ${height} × ${width}.`,
    );
  }
}

function displayLevels(maxValue: number): Uint8Array {
  return Uint8Array.from({ length: maxValue + 1 }, (_, level) => Math.round((level / maxValue) * 255));
}

/**
 * Encodes exactly these pixels as the bytes of a PNG file, 8 bits a channel. Runs in browsers too.
 *
 * @throws a {@link ShapeError} for an image that is malformed or has no pixel.
 */
export function encodePng(image: PixelImage): Uint8Array {
  checkPixelImage("encodePng", image, 2 ** 31 - 1);
  const { data, width, height, channels } = image;
  return encode({ data, width, height, channels, depth: 8 });
}

/** Encodes bytes as a `data:` URL. */
export function dataUrl(bytes: Uint8Array, mediaType: string): string {
  const pieces: string[] = [];
  // In pieces, as the number of arguments of a call is limited.
  for (let start = 0; start < bytes.length; start += 0x8000) {
    pieces.push(String.fromCharCode(...bytes.subarray(start, start + 0x8000)));
  }
  return `data:${mediaType};base64,${btoa(pieces.join(""))}`;
}
