import { ConfigError } from "@mmgen/core";
import type { CaptionLength, TextUnit } from "./tokenizer-config.js";

/** A caption cut into what one id stands for: words between blanks, or characters as they stand. */
export function captionUnits(caption: string, unit: TextUnit): string[] {
  return unit === "characters" ? [...caption] : caption.split(/\s+/u).filter((word) => word !== "");
}

/** The caption of these words (joined by one blank) or characters. */
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
    const units = captionUnits(caption, unit);
    minimum = Math.min(minimum, units.length);
    maximum = Math.max(maximum, units.length);
    for (const word of units) {
      words.add(word);
    }
  }
  if (words.size === 0) {
    throw new ConfigError("captions: no words in them; give captions or a list of words.");
  }
  return { words: [...words].sort(), captionLength: { minimum, maximum } };
}
