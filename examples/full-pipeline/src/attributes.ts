import { VocabularyError } from "@mmgen/core";
import { type CaptionedDigits, palette, parseCaption } from "@mmgen/datasets";
import type { AttributeLabels } from "@mmgen/evaluation";

/** What a caption says of its image. */
export type AttributeName = "digit" | "digitColor" | "backgroundColor";

/** The attributes in the order they are reported in, with the words people are told. */
export const attributeTitles: Readonly<Record<AttributeName, string>> = {
  digit: "digit",
  digitColor: "digit color",
  backgroundColor: "background",
};

/** The attributes and how many classes each has. */
export const attributes = [
  { name: "digit", classes: 10 },
  { name: "digitColor", classes: palette.length },
  { name: "backgroundColor", classes: palette.length },
] as const;

/** The true attributes of captioned digits. */
export function labelsOf(digits: CaptionedDigits): AttributeLabels<AttributeName> {
  return { digit: digits.digits, digitColor: digits.digitColors, backgroundColor: digits.backgroundColors };
}

/** What captions say; a caption that names no digit or no color of the palette says −1, which is never right. */
export function labelsOfCaptions(captions: readonly string[]): AttributeLabels<AttributeName> {
  const read = captions.map((caption) => {
    try {
      return parseCaption(caption);
    } catch (error) {
      if (VocabularyError.isInstance(error)) {
        return { digit: -1, digitColor: -1, backgroundColor: -1 };
      }
      throw error;
    }
  });
  return {
    digit: read.map(({ digit }) => digit),
    digitColor: read.map(({ digitColor }) => digitColor),
    backgroundColor: read.map(({ backgroundColor }) => backgroundColor),
  };
}

/** Which rows agree in every attribute. */
export function markLabels(asked: AttributeLabels<AttributeName>, found: AttributeLabels<AttributeName>): boolean[] {
  const names = Object.keys(attributeTitles) as AttributeName[];
  return Array.from({ length: asked.digit.length }, (_, row) =>
    names.every((name) => asked[name][row] === found[name][row]),
  );
}
