import { type CodeBatch, checkTokenBatch, type Grammar, type TokenBatch } from "@mmgen/core";
import { fields, number, resolveOptions } from "@mmgen/core/options";
import {
  checkOrder,
  type Order,
  type OrderChoice,
  type SeededChoice,
  seededChoiceEntries,
  seededStreams,
} from "../layouts/orders.js";
import { modalitiesOf, type PositionRanges, positionRanges } from "../layouts/position-ranges.js";
import { type SequenceLayout, sequenceLayout } from "../layouts/sequence-layout.js";
import { templateGrammar } from "../layouts/template-grammar.js";
import { type DecodedSequences, decodeSequences, describeSequences, readLines } from "../sequences/decode-sequences.js";
import { encodePairs } from "../sequences/encode-pairs.js";
import {
  endCaptions,
  type MaskedContent,
  type MaskedSequences,
  maskedSequences,
} from "../sequences/masked-sequences.js";
import {
  type PartialPair,
  promptForCaptions,
  promptForCompletion,
  promptForImages,
  promptForPairs,
} from "../sequences/prompts.js";
import { decodeText, encodeText } from "../sequences/text.js";
import {
  dropCondition,
  type LossWeights,
  shiftForTraining,
  type TrainingBatch,
  targetWeights,
} from "../sequences/training-batch.js";
import type { IdRange, Modality } from "../vocabulary/vocabulary.js";
import type { TokenizerConfig } from "./tokenizer-config.js";
import { configFromJson, configToJson, type TokenizerJson } from "./tokenizer-json.js";
import { resolveTokenizer, type TokenizerOptions } from "./tokenizer-options.js";

/**
 * Tokenizer that encodes pairs of image codes and captions as sequences of ids over one joint vocabulary, decodes them,
 * and creates prompts and the grammar of legal sequences. Immutable; holds no tensors.
 */
export class MultimodalTokenizer {
  readonly config: TokenizerConfig;
  /** Ids are `0 … vocabularySize − 1`. */
  readonly vocabularySize: number;
  /** Number of ids of one pair, markers and padding included: 58 for 49 codes and 6 words. */
  readonly sequenceLength: number;
  /** Both orders, or the one of a layout that has but one. */
  readonly orders: readonly Order[];
  /** Id ranges of special tokens, image codes and words. */
  readonly ids: Readonly<Record<Modality, IdRange>>;
  readonly #layout: SequenceLayout;
  readonly #grammars = new Map<Order | "any", Grammar>();

  private constructor(config: TokenizerConfig) {
    this.#layout = sequenceLayout(config);
    this.config = config;
    this.sequenceLength = this.#layout.sequenceLength;
    this.orders = this.#layout.orders;
    const { size, special, text, image } = this.#layout.vocabulary;
    this.vocabularySize = size;
    this.ids = { special, text, image };
  }

  /**
   * Creates a tokenizer for the codes of an image codec and the words of captions or of a list.
   *
   * @throws a `ConfigError` when an option is missing, unknown, out of range or in conflict with another.
   */
  static create(options: TokenizerOptions): MultimodalTokenizer {
    return new MultimodalTokenizer(resolveTokenizer(options));
  }

  /**
   * Loads a tokenizer that {@link MultimodalTokenizer.toJSON} wrote.
   *
   * @param json - Text of the file, or the result of `JSON.parse`.
   * @throws a `CheckpointError` when it is malformed, of another format, or its fields do not fit each other.
   */
  static fromJSON(json: unknown): MultimodalTokenizer {
    return new MultimodalTokenizer(configFromJson(json));
  }

  /** `MultimodalTokenizer(layout "switch", 49 codes of 1024, 31 words, sequences of 58 ids)`: what Node's console shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const { codebookSize, codeGrid, layout, textUnit, words } = this.config;
    const codes = codebookSize === 0 ? [] : [`${codeGrid.height * codeGrid.width} codes of ${codebookSize}`];
    const text = words.length === 0 ? [] : [`${words.length} ${textUnit}`];
    const content = [...codes, ...text, `sequences of ${this.sequenceLength} ids`];
    return `MultimodalTokenizer(layout "${layout}", ${content.join(", ")})`;
  }

  /** Converts the tokenizer to plain data; called by `JSON.stringify(tokenizer)`. */
  toJSON(): TokenizerJson {
    return configToJson(this.config);
  }

  /**
   * Encodes pairs as sequences, `[rows, sequenceLength]`.
   *
   * @param pairs - `codes`, `captions` (one per image) and `order`, `text-first` when absent; borrowed. In the layout
   *   `text-only` captions alone, in `image-only` codes alone; in `class` the captions are names of classes.
   * @returns Ids; yours.
   * @throws a `VocabularyError` when a word is unknown; `GrammarError` when a caption has too few or too many
   *   words; `ShapeError` when counts or the code grid differ.
   */
  encode(pairs: {
    readonly codes?: CodeBatch | undefined;
    readonly captions?: readonly string[] | undefined;
    readonly order?: OrderChoice | undefined;
  }): TokenBatch {
    return encodePairs(this.#layout, pairs);
  }

  /**
   * Decodes whole sequences to pairs and the order of each row: `decode(encode(pairs))` gives `pairs`.
   *
   * @throws a `GrammarError` when a row is not a whole legal sequence, naming row, position and id.
   */
  decode(tokens: TokenBatch): DecodedSequences {
    return decodeSequences(this.#layout, tokens);
  }

  /** Prompts for generating images: each whole caption, up to the first image code. */
  promptForImages(captions: readonly string[]): TokenBatch {
    return promptForImages(this.#layout, captions);
  }

  /** Prompts for captioning images: all codes of each, up to the first word; a `ConfigError` in the layout `class`. */
  promptForCaptions(codes: CodeBatch): TokenBatch {
    return promptForCaptions(this.#layout, codes);
  }

  /**
   * Prompts for generating unconditional pairs: the ids that all sequences, or all sequences of the given order, start
   * with.
   *
   * In the layout `terminated` these ids do not determine the order; pass the order to
   * {@link MultimodalTokenizer.grammar} as well.
   *
   * @throws a `ConfigError` when sequences share no first id and no order is given (layout `lines`).
   */
  promptForPairs(count: number, order?: OrderChoice): TokenBatch {
    return promptForPairs(this.#layout, count, order);
  }

  /**
   * Prompts for completing pairs from any legal beginning, such as half an image, or a caption and one code.
   *
   * @throws a `ConfigError` when the second modality is given before the first is complete; `ShapeError`
   *   when the prompts of the rows have different lengths.
   */
  promptForCompletion(beginning: PartialPair): TokenBatch {
    return promptForCompletion(this.#layout, beginning);
  }

  /**
   * Grammar of legal sequences, of one order or, without argument, of both. Built once, then shared: do not write to
   * it.
   *
   * @throws a `ConfigError` when its table would have more than 2^27 entries.
   */
  grammar(order?: Order): Grammar {
    const key = order === undefined ? "any" : checkOrder(order);
    let grammar = this.#grammars.get(key);
    if (grammar === undefined) {
      const { section, templates, vocabulary } = this.#layout;
      const orders = key === "any" ? this.orders : [key];
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
   * Training batch of a causal model: inputs and targets, each `[rows, length − 1]`, and loss weights.
   *
   * Padding and null tokens have weight 0 as targets. Any other target has the weight of its modality (`<end>` is
   * special), multiplied by `weights.prompt` at positions of the modality that comes first. Rows that are not the
   * beginning of a sequence have no such positions.
   *
   * @param weights - Loss weights; each is 1 when absent.
   * @throws a `ConfigError` when a weight is not a finite number of at least 0.
   */
  toTrainingBatch(tokens: TokenBatch, weights: LossWeights = {}): TrainingBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    return shiftForTraining(this.#layout, tokens, targetWeights(this.#layout, weights));
  }

  /** Modality of each position in a sequence of this order; text positions may hold an end marker or padding. */
  modalities(order: Order): Modality[] {
    return modalitiesOf(this.#layout.templates[checkOrder(order)]);
  }

  /**
   * The ids that are legal at each position of sequences of this order, as half-open ranges: for models that fill in all
   * positions at once.
   *
   * @throws a `ConfigError` when captions vary in length and the tokenizer has no mask token.
   */
  positionRanges(order: Order): PositionRanges {
    return positionRanges(this.#layout, checkOrder(order));
  }

  /**
   * Sequences of one order with a mask token at every place that is not known: what a model of discrete diffusion
   * completes.
   *
   * @throws a `VocabularyError` unless the tokenizer was created with `maskToken: true`; otherwise as
   *   {@link MultimodalTokenizer.encode}.
   */
  maskedSequences(content: MaskedContent, order: Order): MaskedSequences {
    return maskedSequences(this.#layout, content, checkOrder(order));
  }

  /** Ends each caption at its first end marker or padding, after which a model may have filled in words. */
  endCaptions(tokens: TokenBatch, order: Order): TokenBatch {
    return endCaptions(this.#layout, tokens, checkOrder(order));
  }

  /** Modality of an id. */
  modality(id: number): Modality {
    return this.#layout.vocabulary.modality(id);
  }

  /** Formats rows as text: words, numbers (or letters) of codes, and names of special tokens. */
  describe(tokens: TokenBatch): string[] {
    return describeSequences(this.#layout, tokens);
  }

  /**
   * Parses lines of characters, as {@link MultimodalTokenizer.describe} writes them in the layout `lines`, to ids.
   * `decode` checks whether they are pairs.
   *
   * @throws a `VocabularyError` for a character that is not in the vocabulary; a `GrammarError` for a line of another
   *   length; a `ConfigError` in another layout.
   */
  readLines(lines: readonly string[]): TokenBatch {
    return readLines(this.#layout, lines);
  }

  /**
   * Encodes a text of any length as ids without markers, `[words]` or `[characters]`: for training on windows of it, see
   * `windowExamples` of `@mmgen/training`, and for prompts of such a model.
   *
   * @returns Ids; yours.
   * @throws a `VocabularyError` when a word or character is unknown.
   */
  encodeText(text: string): Int32Array {
    return encodeText(this.#layout, text);
  }

  /** The inverse of {@link MultimodalTokenizer.encodeText}: ids of words or characters to a text; other ids are left out. */
  decodeText(ids: ArrayLike<number>): string {
    return decodeText(this.#layout, ids);
  }

  /**
   * Id of a special token: `<bos>`, `<eoi>`, `<eot>`, where used `<end>`, `<pad>`, `<null>`, `<mask>`, or a literal character of
   * a line.
   */
  specialId(name: string): number {
    return this.#layout.vocabulary.specialId(name);
  }

  /**
   * Removes the condition of sequences or prompts: null tokens replace the modality that comes first. Prompts whose
   * order is not determined yet stay unchanged.
   *
   * @throws a `VocabularyError` unless the tokenizer was created with `nullToken: true`.
   */
  withoutCondition(tokens: TokenBatch): TokenBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    return dropCondition(this.#layout, tokens);
  }

  /**
   * Condition dropout: {@link MultimodalTokenizer.withoutCondition} for a random share of the rows, reproducible
   * between runs. Train on such rows to use classifier-free guidance.
   *
   * @param choice - Seed, epoch, the rows' example indices, and the `probability` of removing a condition.
   */
  dropConditions(tokens: TokenBatch, choice: SeededChoice & { readonly probability: number }): TokenBatch {
    checkTokenBatch(tokens, this.vocabularySize);
    const { probability, ...seeded } = resolveOptions(dropSchema, choice, { path: "dropConditions" });
    const streamOf = seededStreams("condition", seeded, tokens.count);
    return dropCondition(this.#layout, tokens, (row) => streamOf(row).uniform() < probability);
  }
}

const dropSchema = fields({ ...seededChoiceEntries, probability: number({ min: 0, max: 1 }) });
