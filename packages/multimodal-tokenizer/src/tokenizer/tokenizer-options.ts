import { ConfigError } from "@mmgen/core";
import { boolean, fields, listOf, optional, resolveOptions, text, value } from "@mmgen/core/options";
import { defaultLineFormat, type LineFormat, lineFormatEntries } from "../layouts/line-format.js";
import {
  type CaptionLength,
  captionUnits,
  composed,
  joinUnits,
  surveyCaptions,
  type TextUnit,
} from "../vocabulary/captions.js";
import {
  captionLengthSchema,
  checkTokenizerConfig,
  codebookSizeSchema,
  codeGridSchema,
  type Layout,
  layoutSchema,
  maxWords,
  type TokenizerConfig,
  textUnitSchema,
} from "./tokenizer-config.js";

/** Options of `MultimodalTokenizer.create`. */
export interface TokenizerOptions {
  /** Number of distinct image codes. Required but in the layout `text-only`, which has none. */
  readonly codebookSize?: number | undefined;
  /** Codes of one image. Required but in the layout `text-only`, which has none. */
  readonly codeGrid?: { readonly height: number; readonly width: number } | undefined;
  /**
   * Captions from which the words, and by default the caption length, are taken. Give either these or `words`. All text
   * counts in its composed form (Unicode's NFC), here and wherever else it enters. In the layout `image-only` there are
   * neither; in the layout `class` these are the names of classes.
   */
  readonly captions?: Iterable<string> | undefined;
  /** Words of the vocabulary, or names of the classes, in any order. Give either these or `captions`. */
  readonly words?: readonly string[] | undefined;
  /**
   * Words per caption: a number, or bounds, which add an end marker and padding. Required with `words`, but in the layout
   * `class`, where it is 1.
   */
  readonly captionLength?: number | CaptionLength | undefined;
  /** `switch` by default. */
  readonly layout?: Layout | undefined;
  /** `words` by default, `characters` in the layout `lines`, `classes` in the layout `class` and only there. */
  readonly textUnit?: TextUnit | undefined;
  /**
   * Alternative spellings → words of the vocabulary; `{ eight: "eigth" }` by default when the vocabulary has only
   * `eigth`.
   */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Adds a null token that replaces a removed condition, for classifier-free guidance; false by default. */
  readonly nullToken?: boolean | undefined;
  /**
   * Adds a mask token for ids that are not known yet, for models that fill in all positions of a sequence in any order;
   * false by default. Image codes then have the first ids.
   */
  readonly maskToken?: boolean | undefined;
  /** Fields of the line format that differ from the default, in the layout `lines`. */
  readonly lines?: { readonly [Field in keyof LineFormat]?: LineFormat[Field] | undefined } | undefined;
}

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
  maskToken: optional(boolean(), false),
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
  const { layout, aliases, lines, ...given } = resolveOptions(optionsSchema, options);
  const textUnit = given.textUnit ?? unitsOf[layout] ?? "words";
  const content = textOf(layout, textUnit, given);
  return checkTokenizerConfig({
    layout,
    textUnit,
    ...codesOf(layout, given),
    ...content,
    aliases: aliases === undefined ? applicableAliases(content.words) : composedAliases(aliases),
    nullToken: given.nullToken,
    maskToken: given.maskToken,
    ...(layout === "lines" || lines !== undefined ? { lines: composedLines(lines ?? defaultLineFormat) } : {}),
  });
}

/** Text units of the layouts whose texts are no words. */
const unitsOf: Readonly<Partial<Record<Layout, TextUnit>>> = { lines: "characters", class: "classes" };

/** The vocabulary's words, and how many a caption has. */
function textOf(
  layout: Layout,
  textUnit: TextUnit,
  { captionLength, captions, words }: Pick<TokenizerOptions, "captionLength" | "captions" | "words">,
): Pick<TokenizerConfig, "words" | "captionLength"> {
  if (layout === "image-only") {
    if ((captions ?? words ?? captionLength) !== undefined) {
      throw new ConfigError('captions, words, captionLength: expected none of them in the layout "image-only".');
    }
    return { words: [], captionLength: { minimum: 0, maximum: 0 } };
  }
  if ((captions === undefined) === (words === undefined)) {
    throw new ConfigError("captions, words: expected exactly one of the two options, to build the vocabulary from.");
  }
  const survey = captions === undefined ? undefined : surveyCaptions(captions, textUnit);
  const ofOneForm = (word: string) =>
    textUnit === "classes" ? joinUnits(captionUnits(word, textUnit), textUnit) : composed(word);
  const length = captionLength ?? (layout === "class" ? 1 : survey?.captionLength);
  if (length === undefined) {
    throw new ConfigError("captionLength: required with a list of words; give the number of words in a caption.");
  }
  const bounds = typeof length === "number" ? { minimum: length, maximum: length } : length;
  return {
    words: survey?.words ?? [...new Set(words!.map(ofOneForm))].sort(),
    captionLength: resolveOptions(captionLengthSchema, bounds, { path: "captionLength" }),
  };
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
