import { ConfigError } from "@mmgen/core";
import { surveyCaptions } from "./captions.js";
import { defaultLineFormat, type LineFormat } from "./line-format.js";
import {
  type CaptionLength,
  checkTokenizerConfig,
  type Layout,
  type TextUnit,
  type TokenizerConfig,
} from "./tokenizer-config.js";

/** Options of `MultimodalTokenizer.create`. */
export interface TokenizerOptions {
  /** Number of distinct image codes. */
  readonly codebookSize: number;
  /** Codes of one image. */
  readonly codeGrid: { readonly height: number; readonly width: number };
  /** Captions to take the words, and the caption length where it is absent, from. Give these or `words`. */
  readonly captions?: Iterable<string>;
  /** The words to know, in any order. Give these or `captions`. */
  readonly words?: readonly string[];
  /** Words per caption: one number, or bounds, which add an end marker and padding. Required with `words`. */
  readonly captionLength?: number | CaptionLength;
  /** `switch` by default. */
  readonly layout?: Layout;
  /** `words` by default, `characters` in the layout `lines`. */
  readonly textUnit?: TextUnit;
  /** Spellings to accept for words of the vocabulary; `{ eight: "eigth" }` by default, where it applies. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Keeps an id for a condition left out, for classifier-free guidance; false by default. */
  readonly nullToken?: boolean;
  /** Parts of the line format to change, in the layout `lines`. */
  readonly lines?: Partial<LineFormat>;
}

/** The complete configuration that the options ask for. */
export function tokenizerConfig(options: TokenizerOptions): TokenizerConfig {
  const { layout = "switch", captions, codebookSize, codeGrid, nullToken = false } = options;
  const textUnit = options.textUnit ?? (layout === "lines" ? "characters" : "words");
  if ((captions === undefined) === (options.words === undefined)) {
    throw new ConfigError("Give either captions or words to make the vocabulary from.");
  }
  const survey = captions === undefined ? undefined : surveyCaptions(captions, textUnit);
  const words = survey?.words ?? [...new Set(options.words)].sort();
  const length = options.captionLength ?? survey?.captionLength;
  if (length === undefined) {
    throw new ConfigError("captionLength: needed with a list of words; give the number of words in a caption.");
  }
  const captionLength =
    typeof length === "number"
      ? { minimum: length, maximum: length }
      : { minimum: length.minimum, maximum: length.maximum };
  return checkTokenizerConfig({
    layout,
    textUnit,
    codebookSize,
    codeGrid: { height: codeGrid.height, width: codeGrid.width },
    captionLength,
    words,
    aliases: options.aliases === undefined ? applicableAliases(words) : new Map(Object.entries(options.aliases)),
    nullToken,
    ...(layout === "lines" || options.lines !== undefined ? { lines: { ...defaultLineFormat, ...options.lines } } : {}),
  });
}

/** The colored digits' captions spell "eigth"; people write "eight". */
function applicableAliases(words: readonly string[]): Map<string, string> {
  return new Map(words.includes("eigth") && !words.includes("eight") ? [["eight", "eigth"]] : []);
}
