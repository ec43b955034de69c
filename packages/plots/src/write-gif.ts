import { writeFileAtomic } from "@mmgen/core/node";
import { encodeGif, type GifOptions } from "./gif.js";
import type { PixelImage } from "./pixels.js";
import { type RasterizeOptions, rasterizePixels } from "./rasterize.js";

/**
 * Writes images as an animated GIF, all or nothing; missing folders are made.
 *
 * @param frames - SVG documents, which are rasterized, or pixels; all of one size.
 * @returns The bytes written, for a report.
 * @throws as {@link encodeGif} and {@link rasterizePixels}.
 */
export async function writeGif(
  path: string,
  frames: readonly (string | PixelImage)[],
  options: GifOptions & RasterizeOptions = {},
): Promise<Uint8Array> {
  const pixels: PixelImage[] = [];
  for (const frame of frames) {
    pixels.push(typeof frame === "string" ? await rasterizePixels(frame, options) : frame);
  }
  const bytes = encodeGif(pixels, options);
  await writeFileAtomic(path, bytes);
  return bytes;
}
