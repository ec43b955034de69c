import { writeFileAtomic } from "@mmgen/core/node";
import type { PixelImage } from "./pixels.js";
import { encodePng } from "./png.js";
import { type RasterizeOptions, rasterize } from "./rasterize.js";

/**
 * Writes a picture as a PNG file, all or nothing; missing folders are made.
 *
 * @param picture - An SVG document, which is rasterised; or pixels, which are written exactly as they are.
 * @returns The bytes written, for a report.
 */
export async function writePng(
  path: string,
  picture: string | PixelImage,
  options: RasterizeOptions = {},
): Promise<Uint8Array> {
  const bytes = typeof picture === "string" ? await rasterize(picture, options) : encodePng(picture);
  await writeFileAtomic(path, bytes);
  return bytes;
}
