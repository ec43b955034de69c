import { nearestWords } from "@mmgen/core";

/** A word that a model does not know, and those that it may have been meant as. */
export interface UnknownWord {
  readonly word: string;
  readonly nearest: readonly string[];
}

/** Words of a caption that a model does not know; each once. */
export function unknownWords(caption: string, known: readonly string[]): readonly UnknownWord[] {
  const words = new Set(known);
  const folded = new Set(known.map((word) => word.toLowerCase()));
  const unknown = wordsOf(caption).filter((word) => !words.has(word) && !folded.has(word.toLowerCase()));
  return [...new Set(unknown)].map((word) => ({ word, nearest: nearestWords(word, known) }));
}

/** The word at the end of a caption that is not finished yet: empty after a blank. */
export function lastPart(caption: string): string {
  return caption.match(/\S*$/u)![0];
}

/** Known words that begin as the last one does; none where nothing was begun. */
export function continuations(caption: string, known: readonly string[], limit = 8): readonly string[] {
  const part = lastPart(caption).toLowerCase();
  return part === ""
    ? []
    : known.filter((word) => word.toLowerCase().startsWith(part) && word !== part).slice(0, limit);
}

/** A caption whose last part is replaced by a word, ready for the next one. */
export function withWord(caption: string, word: string): string {
  return `${caption.slice(0, caption.length - lastPart(caption).length)}${word} `;
}

/** A caption in which one word stands for another. */
export function replaceWord(caption: string, word: string, by: string): string {
  return caption
    .split(/(\s+)/u)
    .map((part) => (part === word ? by : part))
    .join("");
}

function wordsOf(caption: string): string[] {
  return caption
    .normalize("NFC")
    .split(/\s+/u)
    .filter((word) => word !== "");
}
