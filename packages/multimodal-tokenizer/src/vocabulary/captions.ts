import { ConfigError, describeValue } from "@mmgen/core";

/** What one text id stands for: a word between blanks, or a single character. */
export type TextUnit = "words" | "characters";

/** How many words (or characters) a caption has; equal bounds need no end marker. */
export interface CaptionLength {
  readonly minimum: number;
  readonly maximum: number;
}

/** Splits a caption into what one id stands for: words between blanks, or characters. */
export function captionUnits(caption: string, unit: TextUnit): string[] {
  return unit === "characters" ? [...caption] : caption.split(/\s+/u).filter((word) => word !== "");
}

/** Joins words, by one blank, or characters to a caption. */
export function joinUnits(units: readonly string[], unit: TextUnit): string {
  return units.join(unit === "characters" ? "" : " ");
}

/** The distinct words of all captions, sorted by code unit, and the shortest and longest caption. */
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
    throw new ConfigError("captions: they have no words; give captions or a list of words.");
  }
  return { words: [...words].sort(), captionLength: { minimum, maximum } };
}
