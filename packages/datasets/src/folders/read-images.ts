import { DataError, type ImageBatch } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import { decode } from "fast-png";

/** Shape that images must have. */
export type ImageShape = Pick<ImageBatch, "height" | "width" | "channels" | "maxValue">;

/**
 * Reads PNG files as one batch, each level the nearest of those the model knows.
 *
 * Where the shape has one channel, a color image gives its luma; a gray image gives every channel the same level.
 *
 * @param shape - One channel or three.
 * @throws `DataError` naming the file that is no PNG or of another size.
 */
export async function readImages(paths: readonly string[], shape: ImageShape): Promise<ImageBatch> {
  const { height, width, channels, maxValue } = shape;
  const size = height * width * channels;
  const data = new Uint8Array(paths.length * size);
  for (const [index, path] of paths.entries()) {
    const png = decodePng(await readFileBytes(path, "image"), path);
    if (png.width !== width || png.height !== height) {
      throw new DataError(
        `${path}: expected ${width}×${height} pixels, got ${png.width}×${png.height}. Resize it first.`,
      );
    }
    const full = 2 ** png.depth - 1;
    for (let pixel = 0; pixel < height * width; pixel++) {
      const levels = pixelLevels(png, pixel, channels);
      data.set(
        levels.map((level) => Math.round((level / full) * maxValue)),
        index * size + pixel * channels,
      );
    }
  }
  return { data, count: paths.length, height, width, channels, maxValue };
}

/** A pixel's levels in so many channels. Gray gives all of them the same; color read as gray its luma, by Rec. 601. */
function pixelLevels({ data, channels: stored }: DecodedPng, pixel: number, channels: number): number[] {
  const from = pixel * stored;
  if (stored < 3) {
    return new Array<number>(channels).fill(data[from]!);
  }
  const [red, green, blue] = [data[from]!, data[from + 1]!, data[from + 2]!];
  return channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
}

type DecodedPng = ReturnType<typeof decode>;

function decodePng(bytes: Uint8Array, path: string): DecodedPng {
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new DataError(`${path} is not a readable PNG file: ${(error as Error).message}`, { cause: error });
  }
  if (png.palette !== undefined || png.depth < 8) {
    throw new DataError(
      `${path}: expected a gray, RGB or RGBA image of 8 or 16 bits, got a palette or ${png.depth} bits.`,
    );
  }
  return png;
}
