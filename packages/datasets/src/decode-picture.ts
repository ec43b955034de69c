import { ConfigError, DataError } from "@mmgen/core";
import type sharp from "sharp";

/** How {@link PictureDecoder} brings pictures to one form. */
export interface PictureForm {
  readonly height: number;
  readonly width: number;
  /** - `cover` fills the form and cuts off what stands over, evenly; `contain` shows all on the background; `fill` distorts. */
  readonly fit: "cover" | "contain" | "fill";
  readonly channels: 1 | 3;
  /** Red, green and blue, 0..255, under transparent pixels and beside a contained picture. */
  readonly background: readonly [number, number, number];
  /** The greatest level; 255 keeps all. */
  readonly maxValue: number;
}

/** Turns the bytes of PNG, JPEG and WebP files into levels of one form, by `sharp`. */
export class PictureDecoder {
  readonly #sharp: typeof sharp;
  readonly #form: PictureForm;

  private constructor(library: typeof sharp, form: PictureForm) {
    this.#sharp = library;
    this.#form = form;
  }

  /** @throws a {@link ConfigError} when the optional peer `sharp` is not installed. */
  static async create(form: PictureForm): Promise<PictureDecoder> {
    try {
      const library = await import("sharp");
      return new PictureDecoder(library.default, form);
    } catch (error) {
      throw new ConfigError(
        `Pictures are read by the package "sharp", which could not be loaded (${(error as Error).message}). Install it: npm install sharp`,
        { cause: error },
      );
    }
  }

  /**
   * The picture's levels, `[height, width, channels]`: turned upright as its EXIF data say, laid on the background,
   * resized, in sRGB or grey.
   *
   * @throws a {@link DataError} when the bytes are no PNG, JPEG or WebP, or damaged.
   */
  async decode(bytes: Uint8Array): Promise<Uint8Array> {
    checkSignature(bytes);
    const { height, width, fit, channels, background, maxValue } = this.#form;
    const [r, g, b] = background;
    const fill = { r, g, b };
    let levels: Uint8Array;
    try {
      const picture = this.#sharp(bytes)
        .autoOrient()
        .flatten({ background: fill })
        .resize({ width, height, fit, background: fill })
        .toColourspace(channels === 1 ? "b-w" : "srgb");
      levels = await picture.raw({ depth: "uchar" }).toBuffer();
    } catch (error) {
      throw new DataError(`not readable (${(error as Error).message.trim()})`, { cause: error });
    }
    if (levels.length !== height * width * channels) {
      throw new DataError(`decoded to ${levels.length} values, expected ${height} × ${width} × ${channels}`);
    }
    return maxValue === 255 ? levels : levels.map((level) => Math.round((level * maxValue) / 255));
  }
}

/** sharp would also take SVG, PDF and others for what they are, whatever the file is called. */
function checkSignature(bytes: Uint8Array): void {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  const isPicture =
    text.startsWith("\x89PNG\r\n\x1a\n") || text.startsWith("\xff\xd8\xff") || /^RIFF.{4}WEBP/s.test(text);
  if (!isPicture) {
    throw new DataError(bytes.length === 0 ? "empty" : "neither PNG nor JPEG nor WebP, whatever its name says");
  }
}
