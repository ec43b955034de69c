import { ConfigError, describeValue } from "@mmgen/core";

/** Text unit of one id: a word between blanks, a single character, or a whole caption, which is the name of a class. */
export type TextUnit = "words" | "characters" | "classes";

/** Bounds of the number of words (or characters) in a caption; equal bounds need no end marker. */
export interface CaptionLength {
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * The composed form of a text, Unicode's NFC: "é" is one character, whether it was typed as one or as e and an accent.
 *
 * @see https://unicode.org/reports/tr15
 */
export function composed(text: string): string {
  return text.normalize("NFC");
}

/** Splits a caption, {@link composed}, into text units: words between blanks, characters, or the one name that it is. */
export function captionUnits(caption: string, unit: TextUnit): string[] {
  const text = composed(caption);
  if (unit === "characters") {
    return [...text];
  }
  const words = text.split(/\s+/u).filter((word) => word !== "");
  return unit === "words" || words.length === 0 ? words : [words.join(" ")];
}

/** Joins words (by single blanks) or characters to a caption; of classes there is at most one. */
export function joinUnits(units: readonly string[], unit: TextUnit): string {
  return units.join(unit === "characters" ? "" : " ");
}

/** Collects the distinct words of all captions, sorted by code unit, and the minimum and maximum caption length. */
export function surveyCaptions(
  captions: Iterable<string>,
  unit: TextUnit,
): { readonly words: string[]; readonly captionLength: CaptionLength } {
  const words = new Set<string>();
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = 0;
  for (const caption of captions) {
    if (typeof caption !== "string") {
      throw new ConfigError(`captions: expected strings, got ${describeValue(caption)}.`);
    }
    const units = captionUnits(caption, unit);
    minimum = Math.min(minimum, units.length);
    maximum = Math.max(maximum, units.length);
    for (const word of units) {
      words.add(word);
    }
  }
  if (words.size === 0) {
    throw new ConfigError(
      "captions: expected at least one word, got none; give captions with words, or a list of words.",
    );
  }
  return { words: [...words].sort(), captionLength: { minimum, maximum } };
}
