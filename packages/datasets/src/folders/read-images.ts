import { DataError, fileBytes, type ImageBatch, type Limits, MmgenError, resolveLimits } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import {
  fields,
  listOf,
  type OptionsOf,
  oneOf,
  optional,
  resolveOptions,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { allocateImages } from "../images/allocate-images.js";
import { decodePng, type PngImage } from "../images/decode-png.js";
import { readImageHeader } from "../images/image-header.js";
import { luma } from "../images/luma.js";
import { ImageDecoder, type ImageForm } from "./image-decoder.js";

/** Shape that images must have. */
export type ImageShape = Pick<ImageBatch, "height" | "width" | "channels" | "maxValue">;

const readImagesSchema = fields({
  /** Red, green and blue, 0..255, under transparent pixels and beside contained images; default white. */
  background: optional(listOf(wholeNumber({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 }), [255, 255, 255]),
  /**
   * How images of another size become the shape's, as in `loadImageFolder`; JPEG and WebP are read then too. What is no PNG
   * of exactly the shape's size needs the optional peer `sharp`. Default: none; such images are refused.
   */
  fit: optional(oneOf(["cover", "contain", "fill"])),
  /** What a file may take; `defaultLimits` where absent. `fileBytes`, `pixels` and `inflatedBytes` are heeded. */
  limits: optional(value<Partial<Limits>>("limits", (limits) => typeof limits === "object")),
});

/** Options of {@link readImages} and {@link decodeImages}. */
export type ReadImagesOptions = OptionsOf<typeof readImagesSchema>;

/**
 * Reads PNG files of any color type and bit depth as one batch, each level the nearest of those the model knows.
 *
 * Transparent pixels are laid on the background. Where the shape has one channel, a color gives its luma with Rec. 601's
 * weights, as in `loadImageFolder`; a gray image gives every channel the same level.
 *
 * @param shape - One channel or three.
 * @param options - With `fit`, images of any size are resized, and JPEG and WebP are read.
 * @throws `DataError` naming the file that is no PNG, damaged, or of another size; `ConfigError` for an option that is
 *   unknown or out of range, and where `sharp` is needed and not installed.
 */
export async function readImages(
  paths: readonly string[],
  shape: ImageShape,
  options: ReadImagesOptions = {},
): Promise<ImageBatch> {
  const { maxBytes, read } = imageReader(shape, options);
  return gather(paths.length, shape, async (index) => {
    const path = paths[index]!;
    return read(path, await readFileBytes(path, "image", { maxBytes }));
  });
}

/**
 * Reads images from the bytes of their files, as {@link readImages} does from paths.
 *
 * @param files - Borrowed.
 * @throws as {@link readImages}; a file is named by its number, from 1: `image 2`.
 */
export async function decodeImages(
  files: readonly Uint8Array[],
  shape: ImageShape,
  options: ReadImagesOptions = {},
): Promise<ImageBatch> {
  const { maxBytes, read } = imageReader(shape, options);
  return gather(files.length, shape, (index) => {
    const name = `image ${index + 1}`;
    const bytes = fileBytes(files[index]!, name);
    if (bytes.length > maxBytes) {
      throw new DataError(`${name}: expected at most ${maxBytes} bytes (limits.fileBytes), got ${bytes.length}.`);
    }
    return read(name, bytes);
  });
}

async function gather(
  count: number,
  shape: ImageShape,
  levelsOf: (index: number) => Promise<Uint8Array>,
): Promise<ImageBatch> {
  const { height, width, channels, maxValue } = shape;
  const data = allocateImages(count, shape);
  for (let index = 0; index < count; index++) {
    data.set(await levelsOf(index), index * height * width * channels);
  }
  return { data, count, height, width, channels, maxValue };
}

/** What reads one file's bytes; its errors begin with the file's name. */
function imageReader(shape: ImageShape, options: ReadImagesOptions) {
  const config = resolveOptions(readImagesSchema, options);
  const limits = resolveLimits(config.limits);
  const background = config.background as unknown as ImageForm["background"];
  const { height, width, channels } = shape;
  const checkSize = (fileWidth: number, fileHeight: number) => {
    if (fileWidth !== width || fileHeight !== height) {
      throw new DataError(`expected ${width}×${height} pixels, got ${fileWidth}×${fileHeight}. Resize it first`);
    }
  };
  let decoder: ImageDecoder | undefined;
  const levelsOf = async (bytes: Uint8Array): Promise<Uint8Array> => {
    if (config.fit !== undefined) {
      const header = readImageHeader(bytes);
      if (header.format !== "PNG" || header.height !== height || header.width !== width) {
        const form = {
          height,
          width,
          fit: config.fit,
          channels: channels as 1 | 3,
          background,
          maxValue: shape.maxValue,
        };
        decoder ??= await ImageDecoder.create(form, limits);
        return decoder.decode(bytes);
      }
    }
    return exactLevels(decodePng(bytes, { limits, checkSize }), shape, background);
  };
  const read = async (name: string, bytes: Uint8Array): Promise<Uint8Array> => {
    try {
      return await levelsOf(bytes);
    } catch (cause) {
      if (MmgenError.isInstance(cause) && !DataError.isInstance(cause)) {
        throw cause;
      }
      throw new DataError(`${name}: ${(cause as Error).message}.`, { cause });
    }
  };
  return { maxBytes: limits.fileBytes, read };
}

/** The levels of a PNG image of the shape's size. */
function exactLevels(png: PngImage, shape: ImageShape, background: readonly number[]): Uint8Array {
  const { height, width, channels, maxValue } = shape;
  const data = new Uint8Array(height * width * channels);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const levels = pixelLevels(png, pixel, background);
    const out = channels === 1 ? [luma(...levels)] : levels;
    for (let channel = 0; channel < channels; channel++) {
      data[pixel * channels + channel] = Math.round((out[channel]! / png.full) * maxValue);
    }
  }
  return data;
}

type Rgb = [red: number, green: number, blue: number];

/** Red, green and blue of a pixel on the background, 0..full. */
function pixelLevels({ samples, channels, full }: PngImage, pixel: number, background: readonly number[]): Rgb {
  const from = pixel * channels;
  const color: Rgb =
    channels < 3
      ? [samples[from]!, samples[from]!, samples[from]!]
      : [samples[from]!, samples[from + 1]!, samples[from + 2]!];
  const alpha = channels % 2 === 0 ? samples[from + channels - 1]! : full;
  if (alpha === full) {
    return color;
  }
  return color.map((level, i) => (alpha * level + ((full - alpha) * background[i]! * full) / 255) / full) as Rgb;
}
