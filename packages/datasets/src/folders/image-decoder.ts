import { ConfigError, DataError, type Limits } from "@mmgen/core";
import type sharp from "sharp";
import type { Region, Sharp } from "sharp";
import { Budget } from "../images/budget.js";
import { checkImageSize, type ImageHeader, readImageHeader } from "../images/image-header.js";
import { luma } from "../images/luma.js";
import { checkPngProfiles } from "../images/png-chunks.js";

/** The one form that {@link ImageDecoder} brings images to. */
export interface ImageForm {
  readonly height: number;
  readonly width: number;
  /** Pixels that are cut out of the middle of an image, once it is upright; absent: all of it. */
  readonly crop?: { readonly height: number; readonly width: number } | undefined;
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
  readonly #limits: Limits;
  readonly #pixels: Budget;

  private constructor(library: typeof sharp, form: ImageForm, limits: Limits) {
    this.#sharp = library;
    this.#form = form;
    this.#limits = limits;
    this.#pixels = new Budget(limits.pixels);
  }

  /**
   * @param limits - `pixels` bounds each image, and all that are decoded at the same time; `inflatedBytes` each image.
   * @throws a {@link ConfigError} when the optional peer `sharp` is not installed.
   */
  static async create(form: ImageForm, limits: Limits): Promise<ImageDecoder> {
    // Not written out in the import: a bundler would look for the package, and fail where it is not installed.
    const name = "sharp";
    try {
      const library = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
      return new ImageDecoder(library.default, form, limits);
    } catch (error) {
      throw new ConfigError(
        `Images are read by the package "sharp", which could not be loaded (${(error as Error).message}). Install it: npm install sharp`,
        { cause: error },
      );
    }
  }

  /**
   * Decodes an image: turned upright as its EXIF data say, laid on the background, resized, in sRGB or gray. The gray of a
   * color is its luma with Rec. 601's weights, as in `readImages`.
   *
   * @returns Levels 0..maxValue, `[height, width, channels]`; yours.
   *
   * @throws a {@link DataError} when the bytes are not a PNG, JPEG or WebP file, damaged, or beyond the limits.
   */
  async decode(bytes: Uint8Array): Promise<Uint8Array> {
    // sharp would decode SVG, PDF and more by content, whatever the file is called; those are refused by their header.
    const header = readImageHeader(bytes);
    checkImageSize(header, this.#limits);
    if (header.format === "PNG") {
      checkPngProfiles(bytes);
    }
    const { height, width, channels, maxValue } = this.#form;
    const colors = await this.#pixels.run(header.width * header.height, () => this.#levels(bytes, header));
    const levels = channels === 1 && colors.length !== height * width ? grayOf(colors) : colors;
    if (levels.length !== height * width * channels) {
      throw new DataError(`decoded to ${levels.length} values, expected ${height} × ${width} × ${channels}`);
    }
    return maxValue === 255 ? levels : levels.map((level) => Math.round((level * maxValue) / 255));
  }

  /** Red, green and blue, or gray alone where one channel is wanted and there is no color. */
  async #levels(bytes: Uint8Array, { isGray, bits }: ImageHeader): Promise<Uint8Array> {
    const { height, width, crop, fit, channels, background } = this.#form;
    const [r, g, b] = background;
    // libvips' gray of a color is its luminance, lighter than its luma.
    const space = channels === 1 && isGray && r === g && g === b ? "b-w" : "srgb";
    const fill = { r, g, b };
    try {
      const image = this.#sharp(bytes, { limitInputPixels: this.#limits.pixels });
      if (isGray) {
        // A gray image would be laid on the background's gray.
        image.pipelineColorspace(bits === 16 ? "rgb16" : "srgb");
      }
      image.autoOrient();
      if (crop !== undefined) {
        image.extract(middleOf(await uprightSize(image), crop));
      }
      image.flatten({ background: fill }).resize({ width, height, fit, background: fill }).toColorspace(space);
      return await image.raw({ depth: "uchar" }).toBuffer();
    } catch (error) {
      if (DataError.isInstance(error)) {
        throw error;
      }
      throw new DataError(`not readable (${(error as Error).message.trim()})`, { cause: error });
    }
  }
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** An image's size once it is turned upright, which the values from 5 of its orientation do by a quarter. */
async function uprightSize(image: Sharp): Promise<Size> {
  const { height, width, orientation = 1 } = await image.metadata();
  return orientation < 5 ? { height, width } : { height: width, width: height };
}

function middleOf({ height, width }: Size, crop: Size): Region {
  if (crop.height > height || crop.width > width) {
    throw new DataError(
      `expected at least the ${crop.height} × ${crop.width} pixels (height × width) of the crop, got ${height} × ${width}`,
    );
  }
  const top = Math.floor((height - crop.height) / 2);
  const left = Math.floor((width - crop.width) / 2);
  return { top, left, height: crop.height, width: crop.width };
}

/** The luma of `[…, 3]` levels. */
function grayOf(colors: Uint8Array): Uint8Array {
  const gray = new Uint8Array(Math.floor(colors.length / 3));
  for (let i = 0; i < gray.length; i++) {
    gray[i] = Math.round(luma(colors[3 * i]!, colors[3 * i + 1]!, colors[3 * i + 2]!));
  }
  return gray;
}
