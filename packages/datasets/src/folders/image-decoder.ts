import { ConfigError, DataError } from "@mmgen/core";
import type sharp from "sharp";

/** The one form that {@link ImageDecoder} brings images to. */
export interface ImageForm {
  readonly height: number;
  readonly width: number;
  /** - `cover` fills the form and crops the rest evenly; `contain` shows all on the background; `fill` distorts. */
  readonly fit: "cover" | "contain" | "fill";
  readonly channels: 1 | 3;
  /** Red, green and blue, 0..255, under transparent pixels and beside a contained image. */
  readonly background: readonly [number, number, number];
  /** Largest level; 255 keeps all. */
  readonly maxValue: number;
}

/** Decodes PNG, JPEG and WebP files into levels of one form, by `sharp`. */
export class ImageDecoder {
  readonly #sharp: typeof sharp;
  readonly #form: ImageForm;

  private constructor(library: typeof sharp, form: ImageForm) {
    this.#sharp = library;
    this.#form = form;
  }

  /** @throws a {@link ConfigError} when the optional peer `sharp` is not installed. */
  static async create(form: ImageForm): Promise<ImageDecoder> {
    try {
      const library = await import("sharp");
      return new ImageDecoder(library.default, form);
    } catch (error) {
      throw new ConfigError(
        `Images are read by the package "sharp", which could not be loaded (${(error as Error).message}). Install it: npm install sharp`,
        { cause: error },
      );
    }
  }

  /**
   * Decodes an image: turned upright as its EXIF data say, laid on the background, resized, in sRGB or gray.
   *
   * @returns Levels 0..maxValue, `[height, width, channels]`; yours.
   *
   * @throws a {@link DataError} when the bytes are not a PNG, JPEG or WebP file, or damaged.
   */
  async decode(bytes: Uint8Array): Promise<Uint8Array> {
    checkSignature(bytes);
    const { height, width, fit, channels, background, maxValue } = this.#form;
    const [r, g, b] = background;
    const fill = { r, g, b };
    let levels: Uint8Array;
    try {
      const image = this.#sharp(bytes)
        .autoOrient()
        .flatten({ background: fill })
        .resize({ width, height, fit, background: fill })
        .toColorspace(channels === 1 ? "b-w" : "srgb");
      levels = await image.raw({ depth: "uchar" }).toBuffer();
    } catch (error) {
      throw new DataError(`not readable (${(error as Error).message.trim()})`, { cause: error });
    }
    if (levels.length !== height * width * channels) {
      throw new DataError(`decoded to ${levels.length} values, expected ${height} × ${width} × ${channels}`);
    }
    return maxValue === 255 ? levels : levels.map((level) => Math.round((level * maxValue) / 255));
  }
}

/** sharp decodes SVG, PDF and more by content, whatever the file is called; those are refused here. */
function checkSignature(bytes: Uint8Array): void {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  const isImage =
    text.startsWith("\x89PNG\r\n\x1a\n") || text.startsWith("\xff\xd8\xff") || /^RIFF.{4}WEBP/s.test(text);
  if (!isImage) {
    throw new DataError(bytes.length === 0 ? "empty" : "neither PNG nor JPEG nor WebP by its content");
  }
}
