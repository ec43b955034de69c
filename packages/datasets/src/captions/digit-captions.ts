import { DataError, VocabularyError } from "@mmgen/core";
import { palette, paletteIndex } from "./palette.js";

/** The ten digit words as `ankitdhall/colored_mnist` spells them: 8 is "eigth". */
export const digitWords: readonly string[] = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eigth",
  "nine",
];

/** The 31 words of the captions, sorted. */
export const captionWords: readonly string[] = [
  ...new Set(["on", ...digitWords, ...palette.flatMap(({ shade, color }) => [shade, color])]),
].sort();

/** Digit and colors of an image, as its caption states them. */
export interface DigitAttributes {
  /** 0 to 9. */
  readonly digit: number;
  /** Index into {@link palette}. */
  readonly digitColor: number;
  /** Index into {@link palette}. */
  readonly backgroundColor: number;
}

/** Writes the caption of an image: `"dark green eigth on bright cyan"`. */
export function captionOf({ digit, digitColor, backgroundColor }: DigitAttributes): string {
  const word = digitWords[digit];
  const front = palette[digitColor];
  const back = palette[backgroundColor];
  if (word === undefined || front === undefined || back === undefined) {
    throw new DataError(
      `captionOf: expected a digit from 0 to 9 and colors from 0 to ${palette.length - 1}, ` +
        `got digit ${digit}, digitColor ${digitColor} and backgroundColor ${backgroundColor}.`,
    );
  }
  return `${front.name} ${word} on ${back.name}`;
}

/**
 * Parses a caption of six words into attributes. "eight" counts as the data's "eigth"; case and surplus spaces are
 * ignored.
 *
 * @throws a {@link VocabularyError} naming the word that is wrong and the words that may take its place.
 */
export function parseCaption(caption: string): DigitAttributes {
  const words = caption.trim().toLowerCase().split(/\s+/);
  if (words.length !== 6 || words[3] !== "on") {
    throw new VocabularyError(
      `Caption "${caption}": expected six words, "shade color digit on shade color", such as "dark green eight on bright cyan".`,
    );
  }
  const digitWord = words[2] === "eight" ? "eigth" : words[2]!;
  const digit = digitWords.indexOf(digitWord);
  if (digit < 0) {
    throw new VocabularyError(`Caption "${caption}": "${words[2]}" is no digit; expected zero to nine.`);
  }
  return {
    digit,
    digitColor: parseColor(caption, words[0]!, words[1]!),
    backgroundColor: parseColor(caption, words[4]!, words[5]!),
  };
}

function parseColor(caption: string, shade: string, color: string): number {
  const index = paletteIndex(`${shade} ${color}`);
  if (index < 0) {
    const shades = palette.filter((entry) => entry.color === color).map((entry) => entry.name);
    const known = shades.length > 0 ? shades : palette.map((entry) => entry.name);
    throw new VocabularyError(`Caption "${caption}": no color "${shade} ${color}"; there is ${known.join(", ")}.`);
  }
  return index;
}
