import { type CodeBatch, VocabularyError } from "@mmgen/core";
import { MultimodalTokenizer, type Order } from "@mmgen/multimodal-tokenizer";

/** The ten digits, as captions. */
export const digitNames: readonly string[] = [..."0123456789"];

/** Images as letters, and the digits they show. */
export interface LetterPairs {
  readonly codes: CodeBatch;
  /** One an image, `"7"`. */
  readonly captions: readonly string[];
  /** Which stands first in each line, where that is settled. */
  readonly orders?: readonly Order[];
}

/** Writes pairs as `image:ABCDEFGH, number:7.` or `number:7, image:ABCDEFGH.`, padded with `#` to 32 characters. */
export function lineTokenizer(codebookSize: number, letters: number): MultimodalTokenizer {
  return MultimodalTokenizer.create({
    layout: "lines",
    words: digitNames,
    captionLength: 1,
    codebookSize,
    codeGrid: { height: 1, width: letters },
  });
}

/** Each image's codes as a word. */
export function lettersOf(tokenizer: MultimodalTokenizer, { data, count, width }: CodeBatch): string[] {
  const alphabet = alphabetOf(tokenizer);
  return Array.from({ length: count }, (_, row) =>
    Array.from(data.subarray(row * width, (row + 1) * width), (code) => alphabet[code]).join(""),
  );
}

/**
 * Words of letters as codes.
 *
 * @throws a {@link VocabularyError} for a letter that is missing, one too many, or one that no image has.
 */
export function codesOf(tokenizer: MultimodalTokenizer, words: readonly string[]): CodeBatch {
  const alphabet = alphabetOf(tokenizer);
  const { height, width } = tokenizer.config.codeGrid;
  const data = new Int32Array(words.length * width);
  for (const [row, word] of words.entries()) {
    const letters = [...word];
    if (letters.length !== width) {
      throw new VocabularyError(`"${word}": an image has ${width} letters, got ${letters.length}.`);
    }
    for (const [at, letter] of letters.entries()) {
      const code = alphabet.indexOf(letter);
      if (code < 0) {
        throw new VocabularyError(
          `"${word}": no image has the letter "${letter}"; there are ${alphabet[0]} to ${alphabet.at(-1)}.`,
        );
      }
      data[row * width + at] = code;
    }
  }
  return { data, count: words.length, height, width };
}

/** How often each letter stands at each place, by digit: `[10][places][letters]`. */
export function letterCounts(tokenizer: MultimodalTokenizer, { codes, captions }: LetterPairs): Int32Array[][] {
  const { codebookSize } = tokenizer.config;
  const places = () => Array.from({ length: codes.width }, () => new Int32Array(codebookSize));
  const counts = digitNames.map(places);
  for (const [row, caption] of captions.entries()) {
    for (let place = 0; place < codes.width; place++) {
      counts[Number(caption)]![place]![codes.data[row * codes.width + place]!]!++;
    }
  }
  return counts;
}

/** The letters of the codes, in their order. */
export function alphabetOf({ config }: MultimodalTokenizer): string[] {
  return [...config.lines!.alphabet].slice(0, config.codebookSize);
}

/** The first of the pairs. */
export function firstPairs({ codes, captions }: LetterPairs, limit: number): LetterPairs {
  const count = Math.min(limit, captions.length);
  const data = codes.data.subarray(0, count * codes.height * codes.width);
  return { codes: { ...codes, data, count }, captions: captions.slice(0, count) };
}
