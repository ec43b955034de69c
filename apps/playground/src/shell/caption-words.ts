import { nearestWords } from "@mmgen/core";

/** What a caption is made of: words, characters, or the name of one class. */
export type CaptionUnit = "words" | "characters" | "classes";

/** What a model's captions are made of. */
export interface Vocabulary {
  readonly unit: CaptionUnit;
  /** Every word, character or class that it knows. */
  readonly words: readonly string[];
}

/** A word that a model does not know, and those that it may have been meant as. */
export interface UnknownWord {
  readonly word: string;
  readonly nearest: readonly string[];
}

/** Words of a caption that a model does not know; each once. */
export function unknownWords(caption: string, { unit, words }: Vocabulary): readonly UnknownWord[] {
  const known = new Set([...words, ...words.map((word) => word.toLowerCase())]);
  const unknown = unitsOf(caption, unit).filter((word) => !known.has(word) && !known.has(word.toLowerCase()));
  return [...new Set(unknown)].map((word) => ({ word, nearest: nearestWords(word, words) }));
}

/** What a caption has before its last part, and this part, which may be the beginning of a word: empty after a blank. */
export function splitLast(caption: string, unit: CaptionUnit): { readonly before: string; readonly part: string } {
  const part = unit === "characters" ? "" : unit === "classes" ? caption : caption.match(/\S*$/u)![0];
  return { before: caption.slice(0, caption.length - part.length), part };
}

/** Known words that begin as the last one does; none where nothing was begun. Of classes all may be chosen from. */
export function continuations(caption: string, { unit, words }: Vocabulary, limit = 8): readonly string[] {
  const part = splitLast(caption, unit).part.toLowerCase();
  return part === "" && unit !== "classes"
    ? []
    : words.filter((word) => word.toLowerCase().startsWith(part) && word !== part).slice(0, limit);
}

/** A caption whose last part is replaced by a word, ready for the next one. */
export function withWord(caption: string, word: string, unit: CaptionUnit): string {
  return `${splitLast(caption, unit).before}${word}${unit === "words" ? " " : ""}`;
}

/** A caption in which one word stands for another. */
export function replaceWord(
  caption: string,
  word: string,
  { by, unit }: { readonly by: string; readonly unit: CaptionUnit },
): string {
  if (unit !== "words") {
    return caption.replaceAll(word, by);
  }
  return caption
    .split(/(\s+)/u)
    .map((part) => (part === word ? by : part))
    .join("");
}

function unitsOf(caption: string, unit: CaptionUnit): string[] {
  const text = caption.normalize("NFC");
  if (unit === "characters") {
    return [...text];
  }
  const words = text.split(/\s+/u).filter((word) => word !== "");
  return unit === "words" || words.length === 0 ? words : [words.join(" ")];
}
