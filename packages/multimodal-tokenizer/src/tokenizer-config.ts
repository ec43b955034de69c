import { ConfigError } from "@mmgen/core";
import { checkLineFormat, type LineFormat } from "./line-format.js";

/**
 * How a sequence is put together.
 *
 * - `switch`: a marker announces the next modality, `[BOS][EOI] text [EOT] image` and `[BOS][EOT] image [EOI] text`.
 * - `terminated`: a marker ends the last one, `[BOS] text [EOT] image [EOI]` and `[BOS] image [EOI] text [EOT]`.
 * - `lines`: a line of characters such as `image:ABCDEFGH, number:7.`, image codes written as letters.
 */
export type Layout = "switch" | "terminated" | "lines";

/** What one text id stands for: a word between blanks, or a single character. */
export type TextUnit = "words" | "characters";

/** How many words (or characters) a caption has; equal bounds need no end marker. */
export interface CaptionLength {
  readonly minimum: number;
  readonly maximum: number;
}

/** Everything that makes a tokenizer, checked and complete; what `toJSON` writes. */
export interface TokenizerConfig {
  readonly layout: Layout;
  readonly textUnit: TextUnit;
  readonly codebookSize: number;
  /** Codes of one image, read row by row. */
  readonly codeGrid: { readonly height: number; readonly width: number };
  readonly captionLength: CaptionLength;
  /** Known words (or characters), sorted by code unit, without repeats. */
  readonly words: readonly string[];
  /** Other spellings → words of the vocabulary. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Whether an id is kept for a condition left out, for classifier-free guidance. */
  readonly nullToken: boolean;
  /** Present with the layout `lines`. */
  readonly lines?: LineFormat;
}

const largestCodebook = 2 ** 20;
const mostWords = 2 ** 20;
const longestSequence = 2 ** 16;

/** Returns `config` where it holds together, else throws {@link ConfigError}. */
export function checkTokenizerConfig(config: TokenizerConfig): TokenizerConfig {
  const { layout, textUnit, codebookSize, codeGrid, captionLength, words, aliases, lines } = config;
  oneOf("layout", layout, ["switch", "terminated", "lines"]);
  oneOf("textUnit", textUnit, ["words", "characters"]);
  wholeNumber("codebookSize", codebookSize, 1, largestCodebook);
  wholeNumber("codeGrid.height", codeGrid.height, 1, longestSequence);
  wholeNumber("codeGrid.width", codeGrid.width, 1, longestSequence);
  wholeNumber("codeGrid.height × codeGrid.width", codeGrid.height * codeGrid.width, 1, longestSequence);
  wholeNumber("captionLength.maximum", captionLength.maximum, 1, longestSequence);
  wholeNumber("captionLength.minimum", captionLength.minimum, 0, captionLength.maximum);
  checkWords(words, textUnit);
  const known = new Set(words);
  for (const [alias, word] of aliases) {
    if (!known.has(word) || known.has(alias)) {
      throw new ConfigError(
        `aliases: "${alias}" → "${word}" must lead from a word outside the vocabulary to one inside.`,
      );
    }
  }
  if ((layout === "lines") !== (lines !== undefined)) {
    throw new ConfigError(`lines: a line format goes with the layout "lines" and no other, got layout "${layout}".`);
  }
  if (lines !== undefined) {
    checkLineFormat(lines, config);
  }
  return config;
}

function checkWords(words: readonly string[], textUnit: TextUnit): void {
  if (words.length === 0) {
    throw new ConfigError("words: the vocabulary is empty; give captions or a list of words.");
  }
  if (words.length > mostWords) {
    throw new ConfigError(`words: expected at most ${mostWords}, got ${words.length}.`);
  }
  words.forEach((word, i) => {
    if (typeof word !== "string" || word === "" || (textUnit === "words" && /\s/u.test(word))) {
      throw new ConfigError(`words: expected words without blanks, got ${JSON.stringify(word)} at index ${i}.`);
    }
    if (textUnit === "characters" && [...word].length !== 1) {
      throw new ConfigError(`words: expected single characters, got ${JSON.stringify(word)} at index ${i}.`);
    }
    if (i > 0 && !(words[i - 1]! < word)) {
      throw new ConfigError(`words: expected sorted words without repeats, got "${words[i - 1]}" before "${word}".`);
    }
  });
}

function wholeNumber(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ConfigError(`${name}: expected a whole number from ${least} to ${most}, got ${value}.`);
  }
}

function oneOf(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) {
    throw new ConfigError(`${name}: expected one of ${choices.join(", ")}, got ${JSON.stringify(value)}.`);
  }
}
