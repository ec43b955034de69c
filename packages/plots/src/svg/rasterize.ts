import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DataError } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions } from "@mmgen/core/options";
import type { PixelImage } from "../images/pixels.js";

type RenderedImage = ReturnType<InstanceType<typeof import("@resvg/resvg-js").Resvg>["render"]>;

/** Fields of {@link RasterizeOptions}. */
export const rasterizeFields = {
  /** Device pixels a CSS pixel; 2 by default, sharp on today's screens and in print. */
  pixelRatio: optional(number({ above: 0, max: 16 }), 2),
};
const rasterizeSchema = fields(rasterizeFields);

/** Options of {@link rasterize}. */
export type RasterizeOptions = OptionsOf<typeof rasterizeSchema>;

/**
 * Renders an SVG document to the bytes of a PNG file.
 *
 * Text is set in the font this package depends on (DejaVu Sans Condensed) and no other, so that an image is the same on
 * every machine, with or without fonts.
 *
 * @throws a {@link DataError} when the SVG cannot be read; a `ConfigError` for an option that is unknown or out of range.
 */
export async function rasterize(svg: string, options: RasterizeOptions = {}): Promise<Uint8Array> {
  return (await render(svg, options)).asPng();
}

/**
 * Renders an SVG document to pixels, such as a frame of an animation. Transparent pixels become white.
 *
 * @returns RGB, `pixelRatio` times the size of the document; yours.
 * @throws a {@link DataError} when the SVG cannot be read.
 */
export async function rasterizePixels(svg: string, options: RasterizeOptions = {}): Promise<PixelImage> {
  const { width, height, pixels } = await render(svg, options);
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    // Colors come multiplied by their opacity.
    const white = 255 - pixels[4 * pixel + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      data[3 * pixel + channel] = pixels[4 * pixel + channel]! + white;
    }
  }
  return { data, width, height, channels: 3 };
}

async function render(svg: string, options: RasterizeOptions): Promise<RenderedImage> {
  const { pixelRatio } = resolveOptions(rasterizeSchema, options);
  const { Resvg } = await import("@resvg/resvg-js");
  const fonts = fontFolder();
  const files = ["DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf"];
  try {
    const renderer = new Resvg(svg, {
      fitTo: { mode: "zoom", value: pixelRatio },
      font: {
        loadSystemFonts: false,
        fontFiles: files.map((file) => join(fonts, file)),
        defaultFontFamily: "DejaVu Sans Condensed",
        sansSerifFamily: "DejaVu Sans Condensed",
      },
    });
    return renderer.render();
  } catch (error) {
    throw new DataError(`Cannot render the SVG: ${(error as Error).message ?? error}`, { cause: error });
  }
}

function fontFolder(): string {
  // The build has two formats: `__filename` exists in CJS alone, `import.meta.url` in ESM alone.
  const require = createRequire(typeof __filename === "string" ? __filename : import.meta.url);
  return join(dirname(require.resolve("dejavu-fonts-ttf/package.json")), "ttf");
}
