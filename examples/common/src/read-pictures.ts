import { DataError, type ImageBatch } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import { decode } from "fast-png";

/** Shape that pictures must have. */
export type PictureShape = Pick<ImageBatch, "height" | "width" | "channels" | "maxValue">;

/**
 * Reads PNG files as one batch, each level the nearest of those the model knows.
 *
 * @throws {@link DataError} naming the file that is no PNG or of another size.
 */
export async function readPictures(paths: readonly string[], shape: PictureShape): Promise<ImageBatch> {
  const { height, width, channels, maxValue } = shape;
  const size = height * width * channels;
  const data = new Uint8Array(paths.length * size);
  for (const [index, path] of paths.entries()) {
    const png = decodePng(await readFileBytes(path, "picture"), path);
    if (png.width !== width || png.height !== height) {
      throw new DataError(
        `${path}: expected ${width}×${height} pixels, got ${png.width}×${png.height}. Resize it first.`,
      );
    }
    const full = 2 ** png.depth - 1;
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        // Grey pictures (one channel, or grey with alpha) give all channels the same level.
        const from = pixel * png.channels + (png.channels >= 3 ? channel : 0);
        data[index * size + pixel * channels + channel] = Math.round((png.data[from]! / full) * maxValue);
      }
    }
  }
  return { data, count: paths.length, height, width, channels, maxValue };
}

function decodePng(bytes: Uint8Array, path: string): ReturnType<typeof decode> {
  let png: ReturnType<typeof decode>;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new DataError(`${path} is not a readable PNG file: ${(error as Error).message}`, { cause: error });
  }
  if (png.palette !== undefined || png.depth < 8) {
    throw new DataError(
      `${path}: expected a grey, RGB or RGBA picture of 8 or 16 bits, got a palette or ${png.depth} bits.`,
    );
  }
  return png;
}
