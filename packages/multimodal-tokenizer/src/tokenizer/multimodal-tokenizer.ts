import { type CodeBatch, checkTokenBatch, type Grammar, ShapeError, type TokenBatch } from "@mmgen/core";
import { fields, number, optional, resolveOptions, value } from "@mmgen/core/options";
import {
  allOrders,
  checkOrder,
  chooseOrders,
  type Order,
  type OrderChoice,
  type SeededChoice,
  seededChoiceEntries,
  seededStreams,
} from "../layouts/orders.js";
import { type SequenceLayout, sequenceLayout } from "../layouts/sequence-layout.js";
import { templateGrammar } from "../layouts/template-grammar.js";
import { type DecodedSequences, decodeSequences, readLines } from "../sequences/decode-sequences.js";
import {
  type PartialPair,
  promptForCaptions,
  promptForCompletion,
  promptForImages,
  promptForPairs,
} from "../sequences/prompts.js";
import {
  dropCondition,
  type LossWeights,
  shiftForTraining,
  type TrainingBatch,
  targetWeights,
} from "../sequences/training-batch.js";
import { wholeImages, writeSequences } from "../sequences/write-sequences.js";
import type { IdRange, Modality } from "../vocabulary/vocabulary.js";
import { resolveTokenizer, type TokenizerConfig, type TokenizerOptions } from "./tokenizer-config.js";
import { configFromJson, configToJson, type TokenizerJson } from "./tokenizer-json.js";

/**
 * Encodes pairs of images and captions as sequences of ids over one joint vocabulary, and back; makes prompts, and the
 * grammar of legal sequences. Immutable; holds no tensors.
 */
export class MultimodalTokenizer {
  readonly config: TokenizerConfig;
  /** Ids are `0 … vocabularySize − 1`. */
  readonly vocabularySize: number;
  /** Ids of one pair, markers and padding included: 58 for 49 codes and 6 words. */
  readonly sequenceLength: number;
  /** Where special tokens, image codes and words lie among the ids. */
  readonly ids: Readonly<Record<Modality, IdRange>>;
  readonly #layout: SequenceLayout;
  readonly #grammars = new Map<Order | "any", Grammar>();

  private constructor(config: TokenizerConfig) {
    this.#layout = sequenceLayout(config);
    this.config = config;
    this.sequenceLength = this.#layout.sequenceLength;
    const { size, special, text, image } = this.#layout.vocabulary;
    this.vocabularySize = size;
    this.ids = { special, text, image };
  }

  /**
   * A tokenizer for an image codec's codes and the words of captions, or of a list.
   *
   * @throws a `ConfigError` when an option is missing, unknown, out of range or in conflict with another.
   */
  static create(options: TokenizerOptions): MultimodalTokenizer {
    return new MultimodalTokenizer(resolveTokenizer(options));
  }

  /**
   * The tokenizer that {@link MultimodalTokenizer.toJSON} wrote.
   *
   * @param json - The file's text, or what `JSON.parse` made of it.
   * @throws a `CheckpointError` when it is malformed, of another format, or its fields do not fit each other.
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
    readonly order?: OrderChoice | undefined;
  }): TokenBatch {
    const { captions, order, ...rest } = resolveOptions(pairsSchema, pairs, { path: "encode" });
    const codes = wholeImages(this.#layout, rest.codes);
    const { count } = codes;
    if (count !== captions.length) {
      throw new ShapeError(`encode: expected one caption an image (${count}), got ${captions.length}.`);
    }
    const orders = chooseOrders(order, count);
    return writeSequences(this.#layout, { count, captions, codes, captionsAreWhole: true }, orders);
  }

  /**
   * Decodes whole sequences to pairs, and each row's order: `decode(encode(pairs))` gives `pairs`.
   *
   * @throws a `GrammarError` when a row is not a whole legal sequence, naming row, position and id.
   */
  decode(tokens: TokenBatch): DecodedSequences {
    return decodeSequences(this.#layout, tokens);
  }

  /** Prompts for drawing images: each whole caption, and the marker that announces the image. */
  promptForImages(captions: readonly string[]): TokenBatch {
    return promptForImages(this.#layout, captions);
  }

  /** Prompts for captioning: each whole image, and the marker that announces the text. */
  promptForCaptions(codes: CodeBatch): TokenBatch {
    return promptForCaptions(this.#layout, codes);
  }

  /**
   * Prompts for inventing pairs: the ids with which every sequence starts, or, given an order, every one of that order.
   *
   * In the layout `terminated` the order is known from the first word or code on; there, give the order to
   * {@link MultimodalTokenizer.grammar} as well.
   *
   * @throws a `ConfigError` when sequences share no first id and no order is given (layout `lines`).
   */
  promptForPairs(count: number, order?: OrderChoice): TokenBatch {
    return promptForPairs(this.#layout, count, order);
  }

  /**
   * Prompts for completing pairs: any legal beginning, such as half an image, or a caption and one code.
   *
   * @throws a `ConfigError` when the second modality is given before the first is whole; {@link ShapeError} when
   *   rows break off at different places.
   */
  promptForCompletion(beginning: PartialPair): TokenBatch {
    return promptForCompletion(this.#layout, beginning);
  }

  /**
   * The automaton of legal sequences, of one order or, without argument, of both. Made once, then shared: do not write to it.
   *
   * @throws a `ConfigError` when its table would have more than 2^27 entries.
   */
  grammar(order?: Order): Grammar {
    const key = order === undefined ? "any" : checkOrder(order);
    let grammar = this.#grammars.get(key);
    if (grammar === undefined) {
      const { section, templates, vocabulary } = this.#layout;
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
   * @throws a `ConfigError` when a weight is not a finite number of at least 0.
   */
  toTrainingBatch(tokens: TokenBatch, weights: LossWeights = {}): TrainingBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    return shiftForTraining(this.#layout, tokens, targetWeights(this.#layout, weights));
  }

  /** What stands at each position of a sequence of this order; an end marker or padding may take a text place. */
  modalities(order: Order): Modality[] {
    return this.#layout.templates[checkOrder(order)].map((slot) => (slot.kind === "literal" ? "special" : slot.kind));
  }

  /** What an id is part of. */
  modality(id: number): Modality {
    return this.#layout.vocabulary.modality(id);
  }

  /** Rows in readable form: words, numbers (or letters) of codes, and names of special tokens. */
  describe(tokens: TokenBatch): string[] {
    checkTokenBatch(tokens, this.vocabularySize);
    const { data, count, length } = tokens;
    const blank = this.config.layout === "lines" ? "" : " ";
    return Array.from({ length: count }, (_, row) =>
      Array.from(data.subarray(row * length, (row + 1) * length), (id) => this.#layout.vocabulary.name(id)).join(blank),
    );
  }

  /**
   * Lines of characters as ids, what {@link MultimodalTokenizer.describe} writes in the layout `lines`; `decode` tells
   * whether they are pairs.
   *
   * @throws a `VocabularyError` for a character that no line has; a `GrammarError` for a line of another length; a
   *   `ConfigError` in another layout.
   */
  readLines(lines: readonly string[]): TokenBatch {
    return readLines(this.#layout, lines);
  }

  /** The id of a special token: `<bos>`, `<eoi>`, `<eot>`, and where used `<end>`, `<pad>`, `<null>`; a line's characters. */
  specialId(name: string): number {
    return this.#layout.vocabulary.specialId(name);
  }

  /**
   * Sequences or prompts without their condition: null tokens replace the modality that comes first. Prompts whose order is
   * not known yet stay as they are.
   *
   * @throws a `VocabularyError` unless the tokenizer was created with `nullToken: true`.
   */
  withoutCondition(tokens: TokenBatch): TokenBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    return dropCondition(this.#layout, tokens);
  }

  /**
   * {@link MultimodalTokenizer.withoutCondition} for a random share of the rows, the same on every run: what a model
   * is trained on so that it can be guided.
   *
   * @param choice - Seed, epoch, the rows' example indices, and the `probability` of leaving a condition out.
   */
  dropConditions(tokens: TokenBatch, choice: SeededChoice & { readonly probability: number }): TokenBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    const { probability, ...seeded } = resolveOptions(dropSchema, choice, { path: "dropConditions" });
    const streamOf = seededStreams("condition", seeded, tokens.count);
    return dropCondition(this.#layout, tokens, (row) => streamOf(row).uniform() < probability);
  }
}

const dropSchema = fields({ ...seededChoiceEntries, probability: number({ min: 0, max: 1 }) });
const pairsSchema = fields({
  codes: value<CodeBatch>("a batch of codes", (codes) => typeof codes === "object" && codes !== null),
  captions: value<readonly string[]>("a list of captions", Array.isArray),
  order: optional(
    value<OrderChoice>("an order", () => true),
    "text-first",
  ),
});
