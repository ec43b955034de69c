import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";

/** Options of {@link rasterize}. */
export interface RasterizeOptions {
  /** Device pixels a CSS pixel; 2 by default, sharp on today's screens and in print. */
  readonly pixelRatio?: number;
}

/**
 * Renders an SVG document to the bytes of a PNG file.
 *
 * Text is set in the font this package depends on (DejaVu Sans Condensed) and no other, so that a picture is the
 * same on every machine, with or without fonts.
 *
 * @throws a {@link DataError} when the SVG cannot be read.
 */
export async function rasterize(svg: string, options: RasterizeOptions = {}): Promise<Uint8Array> {
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
    return renderer.render().asPng();
  } catch (error) {
    throw new DataError(`Cannot render the SVG: ${(error as Error).message ?? error}`, { cause: error });
  }
}

function fontFolder(): string {
  // The build has two formats: `__filename` exists in CJS alone, `import.meta.url` in ESM alone.
  const require = createRequire(typeof __filename === "string" ? __filename : import.meta.url);
  return join(dirname(require.resolve("dejavu-fonts-ttf/package.json")), "ttf");
}
