import { Random, ShapeError } from "@mmgen/core";
import { fields, type OptionsOf, oneOf, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import type { CaptionedDigits } from "../captions/captioned-images.js";
import { captionOf } from "../captions/digit-captions.js";
import type { LabeledImages } from "../captions/labeled-images.js";
import { palette, paletteIndex } from "../captions/palette.js";

/** What takes a color of the palette: see {@link ColorDigitsOptions}. */
export const colorStyle = oneOf(["digit-and-background", "digit-on-black"]);

const colorDigitsSchema = fields({
  /** Selects the colors. */
  seed: wholeNumber(),
  /**
   * - `digit-and-background` (default): both take a color of the palette.
   * - `digit-on-black`: only the digit does; the background is plain black.
   */
  style: optional(colorStyle, "digit-and-background"),
  /**
   * Identity of each image, `[count]`: number i has the same colors in every batch. Default: 0, 1, 2, …
   */
  indices: optional(
    value<ArrayLike<number>>(
      "a list of numbers",
      (list) => Number.isInteger((list as ArrayLike<number> | null)?.length) && typeof list === "object",
    ),
  ),
});

/** Options of {@link colorDigits}. */
export type ColorDigitsOptions = OptionsOf<typeof colorDigitsSchema>;

/**
 * Colors gray digits and writes their captions.
 *
 * Pixels at or above half intensity take the digit's color, the others the background's, both flat. The two colors of
 * an image are drawn uniformly from the palette, never the same, and depend on `seed` and the image's index alone.
 *
 * @param digits - `[count, height, width, 1]` with labels; borrowed.
 * @returns `[count, height, width, 3]`, levels 0..3; yours.
 * @throws a {@link ShapeError} when the images have more than one channel, or there is not one label and index per image.
 * @throws a `ConfigError` when an option is unknown or out of range.
 */
export function colorDigits(digits: LabeledImages, options: ColorDigitsOptions): CaptionedDigits {
  const { seed, style, indices } = resolveOptions(colorDigitsSchema, options);
  checkDigits(digits, indices);
  const { count, height, width, maxValue, data } = digits.images;
  const size = height * width;
  const colored = new Uint8Array(count * size * 3);
  const digitColors = new Uint8Array(count);
  const backgroundColors = new Uint8Array(count);
  const captions: string[] = [];
  // The stream's name is part of every data set's identity, hence its spelling.
  const colors = Random.fromSeed(seed).fork("colours");
  for (let i = 0; i < count; i++) {
    const random = colors.fork(indices?.[i] ?? i);
    const background = style === "digit-on-black" ? black : random.integer(palette.length);
    // A draw from the palette without the background's entry.
    const draw = random.integer(palette.length - 1);
    const front = draw < background ? draw : draw + 1;
    digitColors[i] = front;
    backgroundColors[i] = background;
    captions.push(captionOf({ digit: digits.labels[i]!, digitColor: front, backgroundColor: background }));
    const frontRgb = palette[front]!.rgb;
    const backRgb = palette[background]!.rgb;
    for (let pixel = i * size; pixel < (i + 1) * size; pixel++) {
      const rgb = 2 * data[pixel]! >= maxValue ? frontRgb : backRgb;
      colored[3 * pixel] = rgb[0];
      colored[3 * pixel + 1] = rgb[1];
      colored[3 * pixel + 2] = rgb[2];
    }
  }
  return {
    images: { data: colored, count, height, width, channels: 3, maxValue: 3 },
    captions,
    digits: digits.labels.slice(),
    digitColors,
    backgroundColors,
  };
}

const black = paletteIndex("plain black");

function checkDigits({ images, labels }: LabeledImages, indices: ArrayLike<number> | undefined): void {
  const { count, channels } = images;
  if (channels !== 1) {
    throw new ShapeError(`colorDigits: expected images of 1 channel, got ${channels}.`);
  }
  if (labels.length !== count || (indices !== undefined && indices.length !== count)) {
    throw new ShapeError(
      `colorDigits: expected a label and an index for each of ${count} images, got ${labels.length} labels` +
        `${indices === undefined ? "" : ` and ${indices.length} indices`}.`,
    );
  }
}
