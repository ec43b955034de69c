import { ConfigError, Random, ShapeError } from "@mmgen/core";
import type { CaptionedDigits } from "../captions/captioned-images.js";
import { captionOf } from "../captions/digit-captions.js";
import type { LabeledImages } from "../captions/labeled-images.js";
import { palette, paletteIndex } from "../captions/palette.js";

/** Options of {@link colorDigits}. */
export interface ColorDigitsOptions {
  readonly seed: number;
  /**
   * - `digit-and-background` (default): both take a color of the palette.
   * - `digit-on-black`: only the digit does; the background is plain black.
   */
  readonly style?: "digit-and-background" | "digit-on-black";
  /**
   * The identity of each image, `[count]`: number i has the same colors in whatever batch it stands.
   * Absent: 0, 1, 2, …
   */
  readonly indices?: ArrayLike<number>;
}

/**
 * Colors gray digits and writes their captions.
 *
 * Pixels at or above half intensity take the digit's color, the others the background's, both flat. The two
 * colors of an image are drawn uniformly from the palette, never the same, and depend on `seed` and the
 * image's index alone.
 *
 * @param digits - `[count, height, width, 1]` with labels; borrowed.
 * @returns `[count, height, width, 3]`, levels 0..3.
 * @throws a {@link ShapeError} when the digits are not gray, or labels or indices are not one an image.
 */
export function colorDigits(digits: LabeledImages, options: ColorDigitsOptions): CaptionedDigits {
  const { count, height, width, channels, maxValue, data } = digits.images;
  const { seed, style = "digit-and-background", indices } = options;
  if (channels !== 1) {
    throw new ShapeError(`colorDigits: expected images of 1 channel, got ${channels}.`);
  }
  if (digits.labels.length !== count || (indices !== undefined && indices.length !== count)) {
    throw new ShapeError(
      `colorDigits: expected a label and an index for each of ${count} images, got ${digits.labels.length} labels` +
        `${indices === undefined ? "" : ` and ${indices.length} indices`}.`,
    );
  }
  if (style !== "digit-and-background" && style !== "digit-on-black") {
    throw new ConfigError(`colorDigits: style is "digit-and-background" or "digit-on-black", got "${style}".`);
  }
  const size = height * width;
  const colored = new Uint8Array(count * size * 3);
  const digitColors = new Uint8Array(count);
  const backgroundColors = new Uint8Array(count);
  const captions: string[] = [];
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
