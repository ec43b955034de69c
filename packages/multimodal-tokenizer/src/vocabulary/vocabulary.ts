import { describeValue, nearestWords, VocabularyError } from "@mmgen/core";
import { literalCharacters } from "../layouts/line-format.js";
import type { TokenizerConfig } from "../tokenizer/tokenizer-config.js";
import { composed } from "./captions.js";

/** Modality of an id. */
export type Modality = "special" | "text" | "image";

/** Range of ids, `start` to `start + count − 1`. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/**
 * Joint vocabulary of a tokenizer: special tokens from id 0, then image codes, then words in sorted order.
 *
 * With a mask token image codes come first: then what may stand at a place of a caption, its padding, its end marker and
 * the words, is one range of ids.
 */
export class Vocabulary {
  readonly size: number;
  readonly special: IdRange;
  readonly image: IdRange;
  readonly text: IdRange;
  readonly #specials: ReadonlyMap<string, number>;
  readonly #words: ReadonlyMap<string, number>;
  readonly #names: readonly string[];
  readonly #config: TokenizerConfig;

  constructor(config: TokenizerConfig) {
    const specials = specialTokens(config);
    const { codebookSize, maskToken, words } = config;
    this.special = { start: maskToken ? codebookSize : 0, count: specials.length };
    this.image = { start: maskToken ? 0 : specials.length, count: codebookSize };
    this.text = { start: specials.length + codebookSize, count: words.length };
    this.size = specials.length + codebookSize + words.length;
    this.#specials = new Map(specials.map((name, i) => [name, this.special.start + i]));
    const ids = new Map(words.map((word, i) => [word, this.text.start + i]));
    for (const [alias, word] of config.aliases) {
      ids.set(alias, ids.get(word)!);
    }
    // Vocabularies of before the first release may hold words that are not composed.
    for (const [word, id] of [...ids]) {
      const other = composed(word);
      if (!ids.has(other)) {
        ids.set(other, id);
      }
    }
    this.#words = ids;
    this.#names = specials;
    this.#config = config;
  }

  hasSpecial(name: string): boolean {
    return this.#specials.has(name);
  }

  /** Id of a special token; throws {@link VocabularyError} when the vocabulary does not have it. */
  specialId(name: string): number {
    const id = this.#specials.get(name);
    if (id === undefined) {
      throw new VocabularyError(
        `No special token ${describeValue(name)}; this layout has ${[...this.#specials.keys()].join(", ")}.`,
      );
    }
    return id;
  }

  /**
   * Id of a word or alias, {@link composed} as {@link captionUnits} gives it; an unknown word is also looked up in lower
   * case.
   */
  wordId(word: string, where: string): number {
    const id = this.#find(word);
    if (id === undefined) {
      throw new VocabularyError(`${where}: "${word}" is not in the vocabulary. ${this.#hint(word)}`);
    }
    return id;
  }

  /** Whether {@link Vocabulary.wordId} has an id for each of the words. */
  hasWords(words: readonly string[]): boolean {
    return words.every((word) => this.#find(word) !== undefined);
  }

  /** For each id the other vocabulary's id of the same code, special token or word, in that one's spellings; −1 for none. */
  matchIds(other: Vocabulary): Int32Array {
    const ids = new Int32Array(this.size).fill(-1);
    for (let code = 0; code < Math.min(this.image.count, other.image.count); code++) {
      ids[this.image.start + code] = other.image.start + code;
    }
    for (const [name, id] of this.#specials) {
      ids[id] = other.#specials.get(name) ?? -1;
    }
    for (const [i, word] of this.#config.words.entries()) {
      ids[this.text.start + i] = other.#words.get(word) ?? -1;
    }
    return ids;
  }

  /** Word of a text id. */
  word(id: number): string {
    return this.#config.words[id - this.text.start]!;
  }

  modality(id: number): Modality {
    if (!(Number.isInteger(id) && id >= 0 && id < this.size)) {
      throw new VocabularyError(`${describeValue(id)} is not an id of this vocabulary of ${this.size}.`);
    }
    if (id >= this.text.start) {
      return "text";
    }
    return id >= this.image.start && id < this.image.start + this.image.count ? "image" : "special";
  }

  /** Name of an id: that of the special token, the word, or the number of the code (its letter in `lines`). */
  name(id: number): string {
    const modality = this.modality(id);
    if (modality === "special") {
      return this.#names[id - this.special.start]!;
    }
    if (modality === "text") {
      return this.word(id);
    }
    const code = id - this.image.start;
    return this.#config.lines === undefined ? String(code) : [...this.#config.lines.alphabet][code]!;
  }

  #hint(word: string): string {
    const { textUnit, words } = this.#config;
    const near = nearestWords(word.toLowerCase(), [...this.#words.keys()]);
    if (near.length > 0) {
      return `Did you mean ${near.map((known) => `"${known}"`).join(" or ")}?`;
    }
    const known = words.slice(0, 40).join(textUnit === "classes" ? ", " : " ");
    return words.length === 0 ? "It has no words." : `Known are ${words.length}: ${known}.`;
  }

  #find(word: string): number | undefined {
    return this.#words.get(word) ?? this.#words.get(word.toLowerCase());
  }
}

/**
 * For each id of a tokenizer the id that means the same in another one: image codes by number, words and special tokens by
 * name. With it a model over a larger vocabulary begins with what one over a smaller has learned of its ids.
 *
 * @param tokenizer - Whose ids are asked about.
 * @param other - Where they are looked for.
 * @returns `[vocabularySize]` of `tokenizer`, −1 where the other has no such id; yours.
 */
export function matchIds(
  tokenizer: { readonly config: TokenizerConfig },
  other: { readonly config: TokenizerConfig },
): Int32Array {
  return new Vocabulary(tokenizer.config).matchIds(new Vocabulary(other.config));
}

/** End marker of captions of varying length. */
export const endToken = "<end>";
/** Padding after the end marker; has weight 0 in the loss. */
export const padToken = "<pad>";
/** Null token: replaces each id of a removed condition. */
export const nullToken = "<null>";
/** Mask token: stands for an id that is not known yet. */
export const maskToken = "<mask>";

/** Markers by layout; those of `lines` are the characters of its format. */
const markers = {
  switch: ["<bos>", "<eoi>", "<eot>"],
  terminated: ["<bos>", "<eoi>", "<eot>"],
  "text-only": ["<bos>", "<eot>"],
  "image-only": ["<bos>"],
  class: ["<bos>"],
};

function specialTokens({ captionLength, layout, lines, ...config }: TokenizerConfig): string[] {
  const specials = layout === "lines" ? literalCharacters(lines!) : markers[layout];
  const ends = captionLength.minimum < captionLength.maximum ? [endToken, padToken] : [];
  const nothing = config.nullToken ? [nullToken] : [];
  // Beside the words come end marker and padding, in the order in which they become illegal towards a caption's start.
  return config.maskToken
    ? [...specials, ...nothing, maskToken, ...ends.toReversed()]
    : [...specials, ...ends, ...nothing];
}
