import { DataError, type ImageBatch, type Limits, resolveLimits } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import { fields, listOf, type OptionsOf, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import { allocateImages } from "../images/allocate-images.js";
import { decodePng, type PngImage } from "../images/decode-png.js";
import { luma } from "../images/luma.js";

/** Shape that images must have. */
export type ImageShape = Pick<ImageBatch, "height" | "width" | "channels" | "maxValue">;

const readImagesSchema = fields({
  /** Red, green and blue, 0..255, under transparent pixels; default white. */
  background: optional(listOf(wholeNumber({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 }), [255, 255, 255]),
  /** What a file may take; `defaultLimits` where absent. `fileBytes`, `pixels` and `inflatedBytes` are heeded. */
  limits: optional(value<Partial<Limits>>("limits", (limits) => typeof limits === "object")),
});

/** Options of {@link readImages}. */
export type ReadImagesOptions = OptionsOf<typeof readImagesSchema>;

/**
 * Reads PNG files of any color type and bit depth as one batch, each level the nearest of those the model knows.
 *
 * Transparent pixels are laid on the background. Where the shape has one channel, a color gives its luma with Rec. 601's
 * weights, as in `loadImageFolder`; a gray image gives every channel the same level.
 *
 * @param shape - One channel or three.
 * @throws `DataError` naming the file that is no PNG, damaged, or of another size; `ConfigError` for an option that is
 *   unknown or out of range.
 */
export async function readImages(
  paths: readonly string[],
  shape: ImageShape,
  options: ReadImagesOptions = {},
): Promise<ImageBatch> {
  const config = resolveOptions(readImagesSchema, options);
  const limits = resolveLimits(config.limits);
  const { height, width, channels, maxValue } = shape;
  const size = height * width * channels;
  const data = allocateImages(paths.length, shape);
  const checkSize = (fileWidth: number, fileHeight: number) => {
    if (fileWidth !== width || fileHeight !== height) {
      throw new DataError(`expected ${width}×${height} pixels, got ${fileWidth}×${fileHeight}. Resize it first`);
    }
  };
  for (const [index, path] of paths.entries()) {
    const bytes = await readFileBytes(path, "image", { maxBytes: limits.fileBytes });
    let png: PngImage;
    try {
      png = decodePng(bytes, { limits, checkSize });
    } catch (cause) {
      throw new DataError(`${path}: ${(cause as Error).message}.`, { cause });
    }
    for (let pixel = 0; pixel < height * width; pixel++) {
      const levels = pixelLevels(png, pixel, config.background);
      const out = channels === 1 ? [luma(...levels)] : levels;
      for (let channel = 0; channel < channels; channel++) {
        data[index * size + pixel * channels + channel] = Math.round((out[channel]! / png.full) * maxValue);
      }
    }
  }
  return { data, count: paths.length, height, width, channels, maxValue };
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
