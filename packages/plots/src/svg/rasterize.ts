import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError, DataError, describeValue, type Limits, resolveLimits } from "@mmgen/core";
import { boolean, fields, number, type OptionsOf, optional, resolveOptions, value } from "@mmgen/core/options";
import type { PixelImage } from "../images/pixels.js";
import { checkSvg } from "./check-svg.js";
import { outsideArchives } from "./outside-archives.js";

type Resvg = typeof import("@resvg/resvg-js");
type RenderedImage = ReturnType<InstanceType<Resvg["Resvg"]>["render"]>;

/** Fields of {@link RasterizeOptions}. */
export const rasterizeFields = {
  /** Device pixels a CSS pixel; 2 by default, sharp on today's screens and in print. */
  pixelRatio: optional(number({ above: 0, max: 16 }), 2),
  /**
   * Whether the SVG is known to be harmless, since you or this package wrote it. By default, false, a document is refused
   * that names files or addresses, or has filters, patterns, masks, markers, `<use>` or `<style>`, whose cost is not bounded.
   */
  trusted: optional(boolean(), false),
  /**
   * What a document may take, where the defaults of `defaultLimits` do not fit: `pixels` of the image drawn and of images
   * in it, `textBytes` of its markup, `depth` of its elements.
   */
  limits: optional(value<Partial<Limits>>("limits", (limits) => typeof limits === "object")),
};
const rasterizeSchema = fields(rasterizeFields);

/** Options of {@link rasterize}. */
export type RasterizeOptions = OptionsOf<typeof rasterizeSchema>;

/**
 * Renders an SVG document to the bytes of a PNG file.
 *
 * Text is set in the font this package depends on (DejaVu Sans Condensed) and no other, so that an image is the same on
 * every machine, with or without fonts. No file and no address that the document names is opened.
 *
 * @throws a {@link DataError} when the SVG cannot be read, asks for what only a `trusted` one may, or is beyond the limits;
 *   a {@link ConfigError} for an option that is unknown or out of range, and where `@resvg/resvg-js` or
 *   `dejavu-fonts-ttf` is not installed.
 */
export async function rasterize(svg: string, options: RasterizeOptions = {}): Promise<Uint8Array> {
  return (await render(svg, options)).asPng();
}

/**
 * Renders an SVG document to pixels, such as a frame of an animation. Transparent pixels become white.
 *
 * @returns RGB, `pixelRatio` times the size of the document; yours.
 * @throws what {@link rasterize} throws.
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
  const { pixelRatio, trusted, ...config } = resolveOptions(rasterizeSchema, options);
  const limits = resolveLimits(config.limits);
  if (typeof svg !== "string") {
    throw new DataError(`Cannot render the SVG: expected a document as a string, got ${describeValue(svg)}.`);
  }
  // The renderer ends the process where an error's message quotes it.
  if (svg.includes("\0")) {
    throw new DataError("Cannot render the SVG: expected text, got a character that XML does not have, U+0000.");
  }
  const depth = trusted ? 1 : checkSvg(svg, limits);
  const { Resvg } = await loadRenderer();
  const fonts = await fontFiles();
  try {
    const renderer = new Resvg(svg, {
      fitTo: { mode: "zoom", value: pixelRatio },
      font: {
        loadSystemFonts: false,
        fontFiles: fonts,
        defaultFontFamily: "DejaVu Sans Condensed",
        sansSerifFamily: "DejaVu Sans Condensed",
      },
    });
    checkSize(renderer, { pixelRatio, depth, limits });
    return renderer.render();
  } catch (error) {
    if (DataError.isInstance(error)) {
      throw error;
    }
    throw new DataError(`Cannot render the SVG: ${(error as Error).message ?? error}`, { cause: error });
  }
}

/** Elements that are transparent as a whole are drawn apart, in a layer of the image's size for each level. */
function checkSize(
  { width, height }: { readonly width: number; readonly height: number },
  { pixelRatio, depth, limits: { pixels } }: { pixelRatio: number; depth: number; limits: Limits },
): void {
  const size = width * height * pixelRatio ** 2;
  // A single wide or high row takes more than its pixels.
  const side = Math.max(width, height) * pixelRatio;
  const allowed = Math.min(pixels, (usualDepth * pixels) / depth);
  if (!(size <= allowed && side <= maxSide)) {
    throw new DataError(
      `SVG: expected at most ${Math.floor(allowed)} pixels (limits.pixels) and ${maxSide} a side, got ${width} × ${height} ` +
        `at pixel ratio ${pixelRatio}. Draw it smaller, or raise the limit.`,
    );
  }
}

/** Levels that an image of the largest size may have. */
const usualDepth = 8;
const maxSide = 65_535;

/** Loads a package whose name a bundler must not see: it could not bundle a native addon. */
async function loadRenderer(): Promise<Resvg> {
  const name = "@resvg/resvg-js";
  try {
    const module = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
    return module.default ?? module;
  } catch (error) {
    throw missing(name, "SVG is rendered", error);
  }
}

async function fontFiles(): Promise<string[]> {
  const name = "dejavu-fonts-ttf";
  const files = ["DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf"];
  try {
    const folder = dirname(resolveFromHere(`${name}/package.json`));
    const paths = files.map((file) => join(folder, "ttf", file));
    // The renderer would draw no text where it cannot read them, and say nothing.
    await Promise.all(paths.map((path) => access(path)));
    return await outsideArchives(paths);
  } catch (error) {
    throw missing(name, "Text is set", error);
  }
}

/** Also in a bundle: beside it, or where the program was started. */
function resolveFromHere(path: string): string {
  // The build has two formats: `__filename` exists in CJS alone, `import.meta.url` in ESM alone, and either in bundles.
  const here = typeof __filename === "string" ? __filename : import.meta.url;
  const folder = join(process.cwd(), "package.json");
  try {
    return createRequire(here ?? folder).resolve(path);
  } catch {
    return createRequire(folder).resolve(path);
  }
}

function missing(name: string, use: string, error: unknown): ConfigError {
  return new ConfigError(
    `${use} by the package "${name}", which could not be loaded (${(error as Error).message}). ` +
      `Install it where the program runs, beside a bundle: npm install ${name}`,
    { cause: error },
  );
}
