import { ConfigError, checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";
import { encode } from "fast-png";

/** Options of {@link imagesPng}. */
export interface ImagesPngOptions {
  /** Images in a row. Default: as near a square as can be. */
  readonly columns?: number | undefined;
  /** Pixels a side that become of each of an image's. Default: so many that its longer side has about 128. */
  readonly scale?: number | undefined;
}

/** Pixels of the largest image that is written, 16 384 × 16 384. */
const maxPixels = 2 ** 28;
/** Pixels of white between images. */
const gap = 4;

/**
 * Images side by side, as the bytes of one PNG file. A single one has exactly its own pixels, times the scale.
 *
 * @param images - At least one, of 1 or 3 channels; borrowed.
 * @throws a {@link ShapeError} for images that are none or of other channels; a {@link ConfigError} for too large a result.
 */
export function imagesPng(images: ImageBatch, options: ImagesPngOptions = {}): Uint8Array {
  checkImageBatch(images);
  const { channels, count, height, maxValue, width } = images;
  if (count < 1 || (channels !== 1 && channels !== 3)) {
    throw new ShapeError(`images: expected at least one of 1 or 3 channels, got ${count} of ${channels}.`);
  }
  const { columns = Math.ceil(Math.sqrt(count)), scale = Math.max(1, Math.round(128 / Math.max(height, width))) } =
    options;
  const used = Math.min(columns, count);
  const rows = Math.ceil(count / used);
  const [cellHeight, cellWidth] = [height * scale + gap, width * scale + gap];
  const [outHeight, outWidth] = [rows * cellHeight - gap, used * cellWidth - gap];
  if (outHeight * outWidth > maxPixels) {
    throw new ConfigError(
      `expected an image of at most ${maxPixels} pixels, got ${outWidth} × ${outHeight}. Choose a smaller scale or fewer images.`,
    );
  }
  const data = new Uint8Array(outHeight * outWidth * channels).fill(255);
  for (let image = 0; image < count; image++) {
    const top = Math.floor(image / used) * cellHeight;
    const left = (image % used) * cellWidth;
    for (let y = 0; y < height * scale; y++) {
      const from = (image * height + Math.floor(y / scale)) * width;
      const to = (top + y) * outWidth + left;
      for (let x = 0; x < width * scale; x++) {
        const pixel = (from + Math.floor(x / scale)) * channels;
        for (let channel = 0; channel < channels; channel++) {
          data[(to + x) * channels + channel] = Math.round((images.data[pixel + channel]! / maxValue) * 255);
        }
      }
    }
  }
  return encode({ data, width: outWidth, height: outHeight, channels, depth: 8 });
}
