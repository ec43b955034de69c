import { ConfigError } from "@mmgen/core";
import {
  boolean,
  fields,
  listOf,
  oneOf,
  optional,
  resolveOptions,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { checkLineFormat, defaultLineFormat, type LineFormat, lineFormatEntries } from "../layouts/line-format.js";
import { type CaptionLength, composed, surveyCaptions, type TextUnit } from "../vocabulary/captions.js";

const maxCodes = 2 ** 20;
const maxWords = 2 ** 20;
const maxSequenceLength = 2 ** 16;

/**
 * Layout of a sequence: how image, caption and special tokens are arranged.
 *
 * - `switch`: a marker announces the next modality, `[BOS][EOI] text [EOT] image` and `[BOS][EOT] image [EOI] text`.
 * - `terminated`: a marker ends the previous one, `[BOS] text [EOT] image [EOI]` and `[BOS] image [EOI] text [EOT]`.
 * - `text-only`: `[BOS] text [EOT]`, for a model of text without images; there are no codes.
 * - `lines`: a line of characters such as `image:ABCDEFGH, number:7.`, image codes written as letters.
 */
export type Layout = "switch" | "terminated" | "text-only" | "lines";

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
  /** Present with the layout `lines`. */
  readonly lines?: LineFormat;
}

/** Options of `MultimodalTokenizer.create`. */
export interface TokenizerOptions {
  /** Number of distinct image codes. Required but in the layout `text-only`, which has none. */
  readonly codebookSize?: number | undefined;
  /** Codes of one image. Required but in the layout `text-only`, which has none. */
  readonly codeGrid?: { readonly height: number; readonly width: number } | undefined;
  /**
   * Captions from which the words, and by default the caption length, are taken. Give either these or `words`. All text
   * counts in its composed form (Unicode's NFC), here and wherever else it enters.
   */
  readonly captions?: Iterable<string> | undefined;
  /** Words of the vocabulary, in any order. Give either these or `captions`. */
  readonly words?: readonly string[] | undefined;
  /** Words per caption: a number, or bounds, which add an end marker and padding. Required with `words`. */
  readonly captionLength?: number | CaptionLength | undefined;
  /** `switch` by default. */
  readonly layout?: Layout | undefined;
  /** `words` by default, `characters` in the layout `lines`. */
  readonly textUnit?: TextUnit | undefined;
  /**
   * Alternative spellings → words of the vocabulary; `{ eight: "eigth" }` by default when the vocabulary has only
   * `eigth`.
   */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Adds a null token that replaces a removed condition, for classifier-free guidance; false by default. */
  readonly nullToken?: boolean | undefined;
  /** Fields of the line format that differ from the default, in the layout `lines`. */
  readonly lines?: { readonly [Field in keyof LineFormat]?: LineFormat[Field] | undefined } | undefined;
}

const layoutSchema = oneOf<Layout>(["switch", "terminated", "text-only", "lines"]);
const textUnitSchema = oneOf<TextUnit>(["words", "characters"]);
// 0 is for the layout "text-only".
const codebookSizeSchema = wholeNumber({ min: 0, max: maxCodes });
const side = wholeNumber({ min: 0, max: maxSequenceLength });
const codeGridSchema = fields({ height: side, width: side });
const captionLengthSchema = fields({
  minimum: wholeNumber({ min: 0, max: maxSequenceLength }),
  maximum: wholeNumber({ min: 1, max: maxSequenceLength }),
});

const optionsSchema = fields({
  codebookSize: optional(codebookSizeSchema),
  codeGrid: optional(codeGridSchema),
  captions: optional(
    value<Iterable<string>>(
      "a list of captions",
      (list) => typeof list === "object" && typeof (list as Iterable<string> | null)?.[Symbol.iterator] === "function",
    ),
  ),
  words: optional(listOf(text(), { maxLength: maxWords })),
  captionLength: optional(
    value<number | CaptionLength>(
      "a number of words, or { minimum, maximum }",
      (length) => typeof length === "number" || (typeof length === "object" && length !== null),
    ),
  ),
  layout: optional(layoutSchema, "switch"),
  textUnit: optional(textUnitSchema),
  aliases: optional(
    value<Readonly<Record<string, string>>>(
      "an object of words by their other spellings",
      (aliases) =>
        typeof aliases === "object" &&
        aliases !== null &&
        Object.values(aliases).every((word) => typeof word === "string"),
    ),
  ),
  nullToken: optional(boolean(), false),
  lines: optional(
    fields({
      imageFirst: optional(lineFormatEntries.imageFirst, defaultLineFormat.imageFirst),
      textFirst: optional(lineFormatEntries.textFirst, defaultLineFormat.textFirst),
      pad: optional(lineFormatEntries.pad, defaultLineFormat.pad),
      length: optional(lineFormatEntries.length, defaultLineFormat.length),
      alphabet: optional(lineFormatEntries.alphabet, defaultLineFormat.alphabet),
    }),
  ),
});

/**
 * Validates every option and fills in the defaults; words and caption length are taken from `captions` when given.
 *
 * @throws a {@link ConfigError} naming the fields that are missing, unknown, out of range or in conflict with others.
 */
export function resolveTokenizer(options: TokenizerOptions): TokenizerConfig {
  const { captions, layout, aliases, lines, ...given } = resolveOptions(optionsSchema, options);
  const textUnit = given.textUnit ?? (layout === "lines" ? "characters" : "words");
  if ((captions === undefined) === (given.words === undefined)) {
    throw new ConfigError("captions, words: expected exactly one of the two options, to build the vocabulary from.");
  }
  const survey = captions === undefined ? undefined : surveyCaptions(captions, textUnit);
  const words = survey?.words ?? [...new Set(given.words!.map(composed))].sort();
  const length = given.captionLength ?? survey?.captionLength;
  if (length === undefined) {
    throw new ConfigError("captionLength: required with a list of words; give the number of words in a caption.");
  }
  const bounds = typeof length === "number" ? { minimum: length, maximum: length } : length;
  return checkTokenizerConfig({
    layout,
    textUnit,
    ...codesOf(layout, given),
    captionLength: resolveOptions(captionLengthSchema, bounds, { path: "captionLength" }),
    words,
    aliases: aliases === undefined ? applicableAliases(words) : composedAliases(aliases),
    nullToken: given.nullToken,
    ...(layout === "lines" || lines !== undefined ? { lines: composedLines(lines ?? defaultLineFormat) } : {}),
  });
}

/** An alias that was another form of its own word is none. */
function composedAliases(aliases: Readonly<Record<string, string>>): Map<string, string> {
  const pairs = Object.entries(aliases).map(([alias, word]) => [composed(alias), composed(word)] as const);
  return new Map(pairs.filter(([alias, word]) => alias !== word));
}

function composedLines({ imageFirst, textFirst, pad, alphabet, length }: LineFormat): LineFormat {
  return {
    imageFirst: composed(imageFirst),
    textFirst: composed(textFirst),
    pad: composed(pad),
    length,
    alphabet: composed(alphabet),
  };
}

/** Default aliases: colored-mnist captions spell "eigth", prompts may spell "eight". */
function applicableAliases(words: readonly string[]): Map<string, string> {
  return new Map(words.includes("eigth") && !words.includes("eight") ? [["eight", "eigth"]] : []);
}

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
  lines: optional(fields(lineFormatEntries)),
};

/** The codes of a tokenizer's images; all but the layout `text-only` need them. */
function codesOf(
  layout: Layout,
  { codebookSize, codeGrid }: Pick<TokenizerOptions, "codebookSize" | "codeGrid">,
): Pick<TokenizerConfig, "codebookSize" | "codeGrid"> {
  if (layout === "text-only") {
    return { codebookSize: codebookSize ?? 0, codeGrid: codeGrid ?? { height: 0, width: 0 } };
  }
  if (codebookSize === undefined || codeGrid === undefined) {
    const missing = codebookSize === undefined ? "codebookSize" : "codeGrid";
    throw new ConfigError(
      `${missing}: expected that of the image codec, got none. For text alone choose the layout "text-only".`,
    );
  }
  return { codebookSize, codeGrid };
}

function checkCodes({ layout, codebookSize, codeGrid: { height, width } }: TokenizerConfig): void {
  for (const [name, size] of Object.entries({ codebookSize, "codeGrid.height": height, "codeGrid.width": width })) {
    if (layout === "text-only" ? size !== 0 : size === 0) {
      const expected = layout === "text-only" ? 'none in the layout "text-only"' : "a whole number of at least 1";
      throw new ConfigError(`${name}: expected ${expected}, got ${size}.`);
    }
  }
}

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

function checkWords(words: readonly string[], textUnit: TextUnit): void {
  if (words.length === 0) {
    throw new ConfigError("words: the vocabulary is empty; give captions or a list of words.");
  }
  if (words.length > maxWords) {
    throw new ConfigError(`words: expected at most ${maxWords}, got ${words.length}.`);
  }
  words.forEach((word, i) => {
    if (word === "" || (textUnit === "words" && /\s/u.test(word))) {
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
