import { DataError } from "@mmgen/core";
import { type ConfigOf, fields, type OptionsOf, optional, positiveNumber, text, value } from "@mmgen/core/options";
import { dataUrl } from "../images/pixels.js";
import { escapeMarkup } from "../svg/svg.js";

const imageFile = value<Uint8Array | string>(
  "the bytes of a PNG or GIF file, or an SVG document as text",
  (candidate) => typeof candidate === "string" || candidate instanceof Uint8Array,
);

/** Schema of {@link ReportImage}. */
export const reportImageSchema = fields({
  /** The bytes of a PNG or GIF file, or an SVG document as text. */
  image: imageFile,
  /** The same in dark colors, shown instead on a dark screen. */
  dark: optional(imageFile),
  /** What the image shows, for those who do not see it. */
  alt: text(),
  /** Shown beneath. */
  caption: optional(text()),
  /** Pixels of a file that make one CSS pixel; 2 by default, as `rasterize` draws. */
  pixelRatio: optional(positiveNumber(), 2),
});

/** An image of a report. */
export type ReportImage = OptionsOf<typeof reportImageSchema>;

/** Writes an HTML figure with its image inlined, never larger than the image is. */
export function reportImage({ image, dark, alt, caption, pixelRatio }: ConfigOf<typeof reportImageSchema>): string {
  const size = imageSize(image, pixelRatio);
  const source =
    dark === undefined ? "" : `<source media="screen and (prefers-color-scheme: dark)" srcset="${imageUrl(dark)}">`;
  const below = caption ? `<figcaption>${escapeMarkup(caption)}</figcaption>` : "";
  const classes = [dark === undefined && "paper", size.width > 640 && "wide"].filter(Boolean).join(" ");
  return (
    `<figure><picture>${source}<img src="${imageUrl(image)}" alt="${escapeMarkup(alt)}" ` +
    `width="${size.width}" height="${size.height}"${classes && ` class="${classes}"`}></picture>${below}</figure>`
  );
}

function imageUrl(image: Uint8Array | string): string {
  return typeof image === "string"
    ? dataUrl(new TextEncoder().encode(image), "image/svg+xml")
    : dataUrl(image, isGif(image) ? "image/gif" : "image/png");
}

/** Width and height in CSS pixels, read from the file's header. */
function imageSize(image: Uint8Array | string, pixelRatio: number): { width: number; height: number } {
  if (typeof image === "string") {
    const match = /^<svg [^>]*?\bwidth="([\d.]+)" height="([\d.]+)"/.exec(image);
    const [width, height] = [Number(match?.[1]), Number(match?.[2])];
    if (!(width > 0 && height > 0)) {
      throw new DataError(
        "Report image: expected an SVG document that starts with <svg … width height>, got other text.",
      );
    }
    return { width, height };
  }
  const inCss = (pixels: number) => Math.max(1, Math.round(pixels / pixelRatio));
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (isGif(image) && image.length >= 10) {
    return { width: inCss(view.getUint16(6, true)), height: inCss(view.getUint16(8, true)) };
  }
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  if (image.length < 24 || signature.some((byte, i) => image[i] !== byte)) {
    throw new DataError(
      `Report image: expected the bytes of a PNG or GIF file, got ${image.length} bytes of something else.`,
    );
  }
  return { width: inCss(view.getUint32(16)), height: inCss(view.getUint32(20)) };
}

function isGif(image: Uint8Array): boolean {
  return [0x47, 0x49, 0x46, 0x38].every((byte, i) => image[i] === byte);
}
