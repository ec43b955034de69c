import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import type { PixelImage } from "../images/pixels.js";

type RenderedImage = ReturnType<InstanceType<typeof import("@resvg/resvg-js").Resvg>["render"]>;

/** Options of {@link rasterize}. */
export interface RasterizeOptions {
  /** Device pixels a CSS pixel; 2 by default, sharp on today's screens and in print. */
  readonly pixelRatio?: number;
}

/**
 * Renders an SVG document to the bytes of a PNG file.
 *
 * Text is set in the font this package depends on (DejaVu Sans Condensed) and no other, so that an image is the
 * same on every machine, with or without fonts.
 *
 * @throws a {@link DataError} when the SVG cannot be read.
 */
export async function rasterize(svg: string, options: RasterizeOptions = {}): Promise<Uint8Array> {
  return (await render(svg, options)).asPng();
}

/**
 * As {@link rasterize}, to pixels: a frame for an animation, say. What is transparent becomes white.
 *
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
  const { pixelRatio = 2 } = options;
  if (!(pixelRatio > 0 && pixelRatio <= 16)) {
    throw new ConfigError(`pixelRatio: expected a number above 0 and at most 16, got ${pixelRatio}.`);
  }
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
