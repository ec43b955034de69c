import { ConfigError, Random, ShapeError } from "@mmgen/core";
import type { CaptionedDigits } from "./captioned-images.js";
import { captionOf } from "./captions.js";
import type { LabelledImages } from "./labelled-images.js";
import { palette, paletteIndex } from "./palette.js";

/** Options of {@link colourDigits}. */
export interface ColourDigitsOptions {
  readonly seed: number;
  /**
   * - `digit-and-background` (default): both take a colour of the palette.
   * - `digit-on-black`: only the digit does; the background is plain black.
   */
  readonly style?: "digit-and-background" | "digit-on-black";
  /**
   * The identity of each picture, `[count]`: number i has the same colours in whatever batch it stands.
   * Absent: 0, 1, 2, …
   */
  readonly indices?: ArrayLike<number>;
}

/**
 * Colours grey digits and writes their captions.
 *
 * Pixels at or above half intensity take the digit's colour, the others the background's, both flat. The two
 * colours of a picture are drawn uniformly from the palette, never the same, and depend on `seed` and the
 * picture's index alone.
 *
 * @param digits - `[count, height, width, 1]` with labels; borrowed.
 * @returns `[count, height, width, 3]`, levels 0..3.
 * @throws a {@link ShapeError} when the digits are not grey, or labels or indices are not one a picture.
 */
export function colourDigits(digits: LabelledImages, options: ColourDigitsOptions): CaptionedDigits {
  const { count, height, width, channels, maxValue, data } = digits.images;
  const { seed, style = "digit-and-background", indices } = options;
  if (channels !== 1) {
    throw new ShapeError(`colourDigits: expected images of 1 channel, got ${channels}.`);
  }
  if (digits.labels.length !== count || (indices !== undefined && indices.length !== count)) {
    throw new ShapeError(
      `colourDigits: expected a label and an index for each of ${count} images, got ${digits.labels.length} labels` +
        `${indices === undefined ? "" : ` and ${indices.length} indices`}.`,
    );
  }
  if (style !== "digit-and-background" && style !== "digit-on-black") {
    throw new ConfigError(`colourDigits: style is "digit-and-background" or "digit-on-black", got "${style}".`);
  }
  const size = height * width;
  const coloured = new Uint8Array(count * size * 3);
  const digitColours = new Uint8Array(count);
  const backgroundColours = new Uint8Array(count);
  const captions: string[] = [];
  const colours = Random.fromSeed(seed).fork("colours");
  for (let i = 0; i < count; i++) {
    const random = colours.fork(indices?.[i] ?? i);
    const background = style === "digit-on-black" ? black : random.integer(palette.length);
    // A draw from the palette without the background's entry.
    const draw = random.integer(palette.length - 1);
    const front = draw < background ? draw : draw + 1;
    digitColours[i] = front;
    backgroundColours[i] = background;
    captions.push(captionOf({ digit: digits.labels[i]!, digitColour: front, backgroundColour: background }));
    const frontRgb = palette[front]!.rgb;
    const backRgb = palette[background]!.rgb;
    for (let pixel = i * size; pixel < (i + 1) * size; pixel++) {
      const rgb = 2 * data[pixel]! >= maxValue ? frontRgb : backRgb;
      coloured[3 * pixel] = rgb[0];
      coloured[3 * pixel + 1] = rgb[1];
      coloured[3 * pixel + 2] = rgb[2];
    }
  }
  return {
    images: { data: coloured, count, height, width, channels: 3, maxValue: 3 },
    captions,
    digits: digits.labels.slice(),
    digitColours,
    backgroundColours,
  };
}

const black = paletteIndex("plain black");
