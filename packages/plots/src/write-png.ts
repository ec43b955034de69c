import { writeFileAtomic } from "@mmgen/core/node";
import type { PixelImage } from "./pixels.js";
import { encodePng } from "./png.js";
import { type RasterizeOptions, rasterize } from "./rasterize.js";

/**
 * Writes an image as a PNG file, all or nothing; missing folders are made.
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
