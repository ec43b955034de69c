import { describeValue, ShapeError } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { fields, resolveOptions } from "@mmgen/core/options";
import { type RasterizeOptions, rasterize, rasterizeFields, rasterizePixels } from "../svg/rasterize.js";
import { encodeGif, type GifOptions, gifFields } from "./gif.js";
import { encodePng, type PixelImage } from "./pixels.js";

const writeGifSchema = fields({ ...gifFields, ...rasterizeFields });

/**
 * Writes an image as a PNG file, all or nothing; missing folders are created.
 *
 * @param image - An SVG document, which is rasterized; or pixels, which are written exactly as they are.
 * @returns The bytes written, for a report.
 */
export async function writePng(
  path: string,
  image: string | PixelImage,
  options: RasterizeOptions = {},
): Promise<Uint8Array> {
  const bytes = typeof image === "string" ? await rasterize(image, options) : encodePng(image);
  await writeFileAtomic(path, bytes);
  return bytes;
}

/**
 * Writes images as an animated GIF, all or nothing; missing folders are created.
 *
 * @param frames - SVG documents, which are rasterized, or pixels; all of one size.
 * @returns The bytes written, for a report.
 * @throws what {@link encodeGif} and {@link rasterizePixels} throw.
 */
export async function writeGif(
  path: string,
  frames: readonly (string | PixelImage)[],
  options: GifOptions & RasterizeOptions = {},
): Promise<Uint8Array> {
  const { pixelRatio, trusted, limits, ...timing } = resolveOptions(writeGifSchema, options);
  if (!Array.isArray(frames)) {
    throw new ShapeError(`writeGif: expected a list of frames, got ${describeValue(frames)}.`);
  }
  const pixels: PixelImage[] = [];
  for (const frame of frames) {
    pixels.push(typeof frame === "string" ? await rasterizePixels(frame, { pixelRatio, trusted, limits }) : frame);
  }
  const bytes = encodeGif(pixels, timing);
  await writeFileAtomic(path, bytes);
  return bytes;
}
