import { ConfigError } from "@mmgen/core";
import { boolean, fields, listOf, oneOf, optional, text, wholeNumber } from "@mmgen/core/options";
import { checkLineFormat, type LineFormat, lineFormatEntries } from "../layouts/line-format.js";
import { type CaptionLength, captionUnits, type TextUnit } from "../vocabulary/captions.js";

const maxCodes = 2 ** 20;
/** Words of a vocabulary, at most. */
export const maxWords = 2 ** 20;
const maxSequenceLength = 2 ** 16;

/**
 * Layout of a sequence: how image, caption and special tokens are arranged.
 *
 * - `switch`: a marker announces the next modality, `[BOS][EOI] text [EOT] image` and `[BOS][EOT] image [EOI] text`.
 * - `terminated`: a marker ends the previous one, `[BOS] text [EOT] image [EOI]` and `[BOS] image [EOI] text [EOT]`.
 * - `text-only`: `[BOS] text [EOT]`, for a model of text without images; there are no codes.
 * - `image-only`: `[BOS] image`, for a model of images without captions; there are no words.
 * - `class`: `[BOS] class image`, for images of classes: the caption is the name of one, and a single id.
 * - `lines`: a line of characters such as `image:ABCDEFGH, number:7.`, image codes written as letters.
 */
export type Layout = "switch" | "terminated" | "text-only" | "image-only" | "class" | "lines";

/** Configuration of a tokenizer, validated and with defaults filled in; written by `toJSON`. */
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
  /** Whether the vocabulary has a null token that replaces a removed condition, for classifier-free guidance. */
  readonly nullToken: boolean;
  /** Whether the vocabulary has a mask token for ids that are not known yet, for discrete diffusion. */
  readonly maskToken: boolean;
  /** Present with the layout `lines`. */
  readonly lines?: LineFormat;
}

/** Schemas of single fields, as options and files have them. */
export const layoutSchema = oneOf<Layout>(["switch", "terminated", "text-only", "image-only", "class", "lines"]);
export const textUnitSchema = oneOf<TextUnit>(["words", "characters", "classes"]);
// 0 is for the layout "text-only".
export const codebookSizeSchema = wholeNumber({ min: 0, max: maxCodes });
const side = wholeNumber({ min: 0, max: maxSequenceLength });
export const codeGridSchema = fields({ height: side, width: side });
export const captionLengthSchema = fields({
  minimum: wholeNumber({ min: 0, max: maxSequenceLength }),
  // 0 is for the layout "image-only".
  maximum: wholeNumber({ min: 0, max: maxSequenceLength }),
});
/** Schema entries of a configuration as stored in JSON; all but `lines` are required. */
export const tokenizerConfigEntries = {
  layout: layoutSchema,
  textUnit: textUnitSchema,
  codebookSize: codebookSizeSchema,
  codeGrid: codeGridSchema,
  captionLength: captionLengthSchema,
  words: listOf(text({ maxLength: 10_000 }), { maxLength: maxWords }),
  aliases: listOf(listOf(text({ maxLength: 10_000 }), { minLength: 2, maxLength: 2 })),
  nullToken: boolean(),
  // Absent in files of tokenizers without one.
  maskToken: optional(boolean(), false),
  lines: optional(fields(lineFormatEntries)),
};

/** Returns `config`; throws {@link ConfigError} when its fields conflict. */
export function checkTokenizerConfig(config: TokenizerConfig): TokenizerConfig {
  const { layout, textUnit, codeGrid, captionLength, words, aliases, lines } = config;
  checkCodes(config);
  const codes = codeGrid.height * codeGrid.width;
  if (codes > maxSequenceLength) {
    throw new ConfigError(
      `codeGrid.height × codeGrid.width: expected at most ${maxSequenceLength} codes in all, got ${codes}.`,
    );
  }
  if (captionLength.minimum > captionLength.maximum) {
    throw new ConfigError(
      `captionLength.minimum: expected at most the maximum ${captionLength.maximum}, got ${captionLength.minimum}.`,
    );
  }
  checkText(config);
  checkWords(words, textUnit);
  const known = new Set(words);
  for (const [alias, word] of aliases) {
    if (!known.has(word) || known.has(alias)) {
      throw new ConfigError(
        `aliases: "${alias}" → "${word}" must map a word outside the vocabulary to a word of the vocabulary.`,
      );
    }
  }
  if ((layout === "lines") !== (lines !== undefined)) {
    throw new ConfigError(`lines: expected a line format exactly with the layout "lines", got layout "${layout}".`);
  }
  if (lines !== undefined) {
    checkLineFormat(lines, config);
  }
  return config;
}

/** Checks what each layout has for a text: nothing, the name of a class, or words. */
function checkText({ captionLength, layout, nullToken, textUnit, words }: TokenizerConfig): void {
  const { minimum, maximum } = captionLength;
  if ((layout === "class") !== (textUnit === "classes")) {
    throw new ConfigError(
      `textUnit: expected "classes" exactly with the layout "class", got "${textUnit}" with layout "${layout}".`,
    );
  }
  if (layout === "class" && (minimum !== 1 || maximum !== 1)) {
    throw new ConfigError(`captionLength: expected 1 in the layout "class", got ${minimum} to ${maximum}.`);
  }
  if (layout === "image-only") {
    if (words.length > 0 || maximum > 0) {
      throw new ConfigError(
        `words, captionLength: expected none in the layout "image-only", got ${words.length} words.`,
      );
    }
    if (nullToken) {
      throw new ConfigError('nullToken: the layout "image-only" has no condition that it could replace; leave it out.');
    }
    return;
  }
  if (words.length === 0) {
    throw new ConfigError("words: the vocabulary is empty; give captions or a list of words.");
  }
  if (maximum === 0) {
    throw new ConfigError("captionLength.maximum: expected a whole number of at least 1, got 0.");
  }
}

function checkWords(words: readonly string[], textUnit: TextUnit): void {
  if (words.length > maxWords) {
    throw new ConfigError(`words: expected at most ${maxWords}, got ${words.length}.`);
  }
  words.forEach((word, i) => {
    if (word === "" || (textUnit === "words" && /\s/u.test(word))) {
      throw new ConfigError(`words: expected words without blanks, got ${JSON.stringify(word)} at index ${i}.`);
    }
    if (textUnit === "classes" && captionUnits(word, textUnit)[0] !== word) {
      throw new ConfigError(
        `words: expected names of classes with single blanks, got ${JSON.stringify(word)} at index ${i}.`,
      );
    }
    if (textUnit === "characters" && [...word].length !== 1) {
      throw new ConfigError(`words: expected single characters, got ${JSON.stringify(word)} at index ${i}.`);
    }
    if (i > 0 && !(words[i - 1]! < word)) {
      throw new ConfigError(`words: expected sorted words without repeats, got "${words[i - 1]}" before "${word}".`);
    }
  });
}

function checkCodes({ layout, codebookSize, codeGrid: { height, width } }: TokenizerConfig): void {
  for (const [name, size] of Object.entries({ codebookSize, "codeGrid.height": height, "codeGrid.width": width })) {
    if (layout === "text-only" ? size !== 0 : size === 0) {
      const expected = layout === "text-only" ? 'none in the layout "text-only"' : "a whole number of at least 1";
      throw new ConfigError(`${name}: expected ${expected}, got ${size}.`);
    }
  }
}
