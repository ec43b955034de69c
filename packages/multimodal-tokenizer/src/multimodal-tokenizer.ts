import {
  type CodeBatch,
  ConfigError,
  checkTokenBatch,
  type Grammar,
  Random,
  ShapeError,
  type TokenBatch,
} from "@mmgen/core";
import { dropCondition } from "./condition-dropout.js";
import { allOrders, checkOrder, chooseOrders, type Order, type OrderChoice, type SeededChoice } from "./orders.js";
import {
  type PartialPair,
  promptForCaptions,
  promptForCompletion,
  promptForImages,
  promptForPairs,
} from "./prompts.js";
import { readLines } from "./read-lines.js";
import { type DecodedSequences, splitSequences } from "./split-sequences.js";
import { templateGrammar } from "./template-grammar.js";
import type { TokenizerConfig } from "./tokenizer-config.js";
import { configFromJson, configToJson, type TokenizerJson } from "./tokenizer-json.js";
import { type TokenizerOptions, tokenizerConfig } from "./tokenizer-options.js";
import { type TokenizerParts, tokenizerParts } from "./tokenizer-parts.js";
import { type LossWeights, shiftForTraining, type TrainingBatch, targetWeights } from "./training-batch.js";
import type { IdRange, Modality } from "./vocabulary.js";
import { wholeImages, writeSequences } from "./write-sequences.js";

/**
 * One vocabulary and one way of writing for images and text: pairs to sequences of ids and back, prompts, and the
 * grammar of what may follow what. Immutable; holds no tensors.
 */
export class MultimodalTokenizer {
  readonly config: TokenizerConfig;
  /** Ids are `0 … vocabularySize − 1`. */
  readonly vocabularySize: number;
  /** Ids of one pair, markers and padding included: 58 for 49 codes and 6 words. */
  readonly sequenceLength: number;
  /** Where special tokens, image codes and words lie among the ids. */
  readonly ids: Readonly<Record<Modality, IdRange>>;
  readonly #parts: TokenizerParts;
  readonly #grammars = new Map<Order | "any", Grammar>();

  private constructor(config: TokenizerConfig) {
    this.#parts = tokenizerParts(config);
    this.config = config;
    this.sequenceLength = this.#parts.sequenceLength;
    const { size, special, text, image } = this.#parts.vocabulary;
    this.vocabularySize = size;
    this.ids = { special, text, image };
  }

  /**
   * A tokenizer for an image codec's codes and the words of captions, or of a list.
   *
   * @throws a {@link ConfigError} when an option is missing, out of range or at odds with another.
   */
  static create(options: TokenizerOptions): MultimodalTokenizer {
    return new MultimodalTokenizer(tokenizerConfig(options));
  }

  /**
   * The tokenizer that {@link MultimodalTokenizer.toJSON} wrote.
   *
   * @param json - The file's text, or what `JSON.parse` made of it.
   * @throws a `CheckpointError` when it is malformed, of another format, or at odds with itself.
   */
  static fromJSON(json: unknown): MultimodalTokenizer {
    return new MultimodalTokenizer(configFromJson(json));
  }

  /** Plain data; `JSON.stringify(tokenizer)` calls it. */
  toJSON(): TokenizerJson {
    return configToJson(this.config);
  }

  /**
   * Pairs as sequences, `[rows, sequenceLength]`.
   *
   * @param pairs - `codes`, as many `captions`, and the `order` of each row: `text-first` when absent.
   * @throws a `VocabularyError` when a word is unknown; `GrammarError` when a caption has too few or too many
   *   words; {@link ShapeError} when counts or the code grid differ.
   */
  encode(pairs: {
    readonly codes: CodeBatch;
    readonly captions: readonly string[];
    readonly order?: OrderChoice;
  }): TokenBatch {
    const { captions, order = "text-first" } = pairs;
    const codes = wholeImages(this.#parts, pairs.codes);
    const { count } = codes;
    if (count !== captions.length) {
      throw new ShapeError(`encode: expected one caption an image (${count}), got ${captions.length}.`);
    }
    const orders = chooseOrders(order, count);
    return writeSequences(this.#parts, { count, captions, codes, captionsAreWhole: true }, orders);
  }

  /**
   * Whole sequences back to pairs, and each row's order: `split(join(pairs))` gives `pairs`.
   *
   * @throws a `GrammarError` when a row is not a whole legal sequence, naming row, position and id.
   */
  decode(tokens: TokenBatch): DecodedSequences {
    return splitSequences(this.#parts, tokens);
  }

  /** What to draw images after: each caption, whole, and what announces the image. */
  promptForImages(captions: readonly string[]): TokenBatch {
    return promptForImages(this.#parts, captions);
  }

  /** What to write captions after: each image, whole, and what announces the text. */
  promptForCaptions(codes: CodeBatch): TokenBatch {
    return promptForCaptions(this.#parts, codes);
  }

  /**
   * What to invent pairs after: the ids with which every sequence starts, or, given an order, every one of that order.
   *
   * In the layout `terminated` only the first word or code tells the order; there, give the order to
   * {@link MultimodalTokenizer.grammar} as well.
   *
   * @throws a {@link ConfigError} when sequences share no first id and no order is given (layout `lines`).
   */
  promptForPairs(count: number, order?: OrderChoice): TokenBatch {
    return promptForPairs(this.#parts, count, order);
  }

  /**
   * What to complete pairs after: any legal beginning of both, such as half an image, or a caption and one code.
   *
   * @throws a {@link ConfigError} when the second modality is given before the first is whole; {@link ShapeError} when
   *   rows break off at different places.
   */
  promptForCompletion(beginning: PartialPair): TokenBatch {
    return promptForCompletion(this.#parts, beginning);
  }

  /**
   * The automaton of legal sequences, of one order or, without argument, of both. Made once, then shared: do not write to it.
   *
   * @throws a {@link ConfigError} when its table would have more than 2^27 entries.
   */
  grammar(order?: Order): Grammar {
    const key = order === undefined ? "any" : checkOrder(order);
    let grammar = this.#grammars.get(key);
    if (grammar === undefined) {
      const { section, templates, vocabulary } = this.#parts;
      const orders = key === "any" ? allOrders : [key];
      grammar = templateGrammar(
        orders.map((each) => templates[each]),
        vocabulary,
        section,
      );
      this.#grammars.set(key, grammar);
    }
    return grammar;
  }

  /**
   * Sequences as inputs and targets of a causal model, each `[rows, length − 1]`.
   *
   * Padding and null tokens weigh 0 as targets; otherwise the weight is that of the target's modality (`<end>` is special),
   * times that of the prompt in the places of the modality that comes first. Rows that begin no sequence have no prompt.
   *
   * @param weights - Each 1 where absent.
   * @throws a {@link ConfigError} when a weight is not a finite number of at least 0.
   */
  toTrainingBatch(tokens: TokenBatch, weights: LossWeights = {}): TrainingBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    return shiftForTraining(this.#parts, tokens, targetWeights(this.#parts, weights));
  }

  /** What stands at each position of a sequence of this order; an end marker or padding may take a text place. */
  modalities(order: Order): Modality[] {
    return this.#parts.templates[checkOrder(order)].map((slot) => (slot.kind === "literal" ? "special" : slot.kind));
  }

  /** What an id is part of. */
  modality(id: number): Modality {
    return this.#parts.vocabulary.modality(id);
  }

  /** Rows as people read them: words, numbers (or letters) of codes, and names of special tokens. */
  describe(tokens: TokenBatch): string[] {
    checkTokenBatch(tokens, this.vocabularySize);
    const { data, count, length } = tokens;
    const blank = this.config.layout === "lines" ? "" : " ";
    return Array.from({ length: count }, (_, row) =>
      Array.from(data.subarray(row * length, (row + 1) * length), (id) => this.#parts.vocabulary.name(id)).join(blank),
    );
  }

  /**
   * Lines of characters as ids, what {@link MultimodalTokenizer.describe} writes in the layout `lines`; `split` tells
   * whether they are pairs.
   *
   * @throws a `VocabularyError` for a character that no line has; a `GrammarError` for a line of another length; a
   *   {@link ConfigError} in another layout.
   */
  readLines(lines: readonly string[]): TokenBatch {
    return readLines(this.#parts, lines);
  }

  /** The id of a special token: `<bos>`, `<eoi>`, `<eot>`, and where used `<end>`, `<pad>`, `<null>`; a line's characters. */
  specialId(name: string): number {
    return this.#parts.vocabulary.specialId(name);
  }

  /**
   * Sequences or prompts without what stands first in them: null tokens in its places, all else where it was. Prompts that
   * tell no order stay as they are.
   *
   * @throws a `VocabularyError` unless the tokenizer was created with `nullToken: true`.
   */
  withoutCondition(tokens: TokenBatch): TokenBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    return dropCondition(this.#parts, tokens);
  }

  /**
   * {@link MultimodalTokenizer.withoutCondition} for a random share of the rows, the same on every run: what a model
   * is trained on so that it can be guided.
   *
   * @param coin - Seed, epoch, the rows' example indices, and the `probability` of leaving a condition out.
   */
  dropConditions(tokens: TokenBatch, coin: SeededChoice & { readonly probability: number }): TokenBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    const { seed, epoch, indices, probability } = coin;
    if (!(probability >= 0 && probability <= 1) || (indices !== undefined && indices.length !== tokens.count)) {
      throw new ConfigError(
        `dropConditions: expected a probability from 0 to 1 and ${tokens.count} indices, got ${probability} and ${indices?.length ?? "none"}.`,
      );
    }
    const coins = Random.fromSeed(seed).fork("condition").fork(epoch);
    return dropCondition(this.#parts, tokens, (row) => coins.fork(indices?.[row] ?? row).uniform() < probability);
  }
}
