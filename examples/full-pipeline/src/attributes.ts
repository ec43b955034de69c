import { VocabularyError } from "@mmgen/core";
import { type CaptionedDigits, palette, parseCaption } from "@mmgen/datasets";
import type { AttributeLabels } from "@mmgen/training";

/** What a caption says of its picture. */
export type AttributeName = "digit" | "digitColour" | "backgroundColour";

/** The attributes in the order they are reported in, with the words people are told. */
export const attributeTitles: Readonly<Record<AttributeName, string>> = {
  digit: "digit",
  digitColour: "digit colour",
  backgroundColour: "background",
};

/** The attributes and how many classes each has. */
export const attributes = [
  { name: "digit", classes: 10 },
  { name: "digitColour", classes: palette.length },
  { name: "backgroundColour", classes: palette.length },
] as const;

/** The true attributes of captioned digits. */
export function labelsOf(digits: CaptionedDigits): AttributeLabels<AttributeName> {
  return { digit: digits.digits, digitColour: digits.digitColours, backgroundColour: digits.backgroundColours };
}

/** What captions say; a caption that names no digit or no colour of the palette says −1, which is never right. */
export function labelsOfCaptions(captions: readonly string[]): AttributeLabels<AttributeName> {
  const read = captions.map((caption) => {
    try {
      return parseCaption(caption);
    } catch (error) {
      if (VocabularyError.isInstance(error)) {
        return { digit: -1, digitColour: -1, backgroundColour: -1 };
      }
      throw error;
    }
  });
  return {
    digit: read.map(({ digit }) => digit),
    digitColour: read.map(({ digitColour }) => digitColour),
    backgroundColour: read.map(({ backgroundColour }) => backgroundColour),
  };
}

/** Which rows agree in every attribute. */
export function markLabels(asked: AttributeLabels<AttributeName>, found: AttributeLabels<AttributeName>): boolean[] {
  const names = Object.keys(attributeTitles) as AttributeName[];
  return Array.from({ length: asked.digit.length }, (_, row) =>
    names.every((name) => asked[name][row] === found[name][row]),
  );
}
