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
import { decodeText, encodeText } from "../sequences/text.js";
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
 * Tokenizer that encodes pairs of image codes and captions as sequences of ids over one joint vocabulary, decodes them,
 * and creates prompts and the grammar of legal sequences. Immutable; holds no tensors.
 */
export class MultimodalTokenizer {
  readonly config: TokenizerConfig;
  /** Ids are `0 … vocabularySize − 1`. */
  readonly vocabularySize: number;
  /** Number of ids of one pair, markers and padding included: 58 for 49 codes and 6 words. */
  readonly sequenceLength: number;
  /** Id ranges of special tokens, image codes and words. */
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
    const content = [...codes, `${words.length} ${textUnit}`, `sequences of ${this.sequenceLength} ids`];
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
   *   `text-only` captions alone.
   * @returns Ids; yours.
   * @throws a `VocabularyError` when a word is unknown; `GrammarError` when a caption has too few or too many
   *   words; {@link ShapeError} when counts or the code grid differ.
   */
  encode(pairs: {
    readonly codes?: CodeBatch | undefined;
    readonly captions: readonly string[];
    readonly order?: OrderChoice | undefined;
  }): TokenBatch {
    const { captions, order, ...rest } = resolveOptions(pairsSchema, pairs, { path: "encode" });
    if (rest.codes === undefined && this.config.layout !== "text-only") {
      throw new ShapeError("encode: expected the codes of one image a caption, got none.");
    }
    const codes = wholeImages(this.#layout, rest.codes ?? noCodes(captions.length));
    const { count } = codes;
    if (count !== captions.length) {
      throw new ShapeError(`encode: expected one caption per image (${count}), got ${captions.length}.`);
    }
    const orders = chooseOrders(order, count);
    return writeSequences(this.#layout, { count, captions, codes, captionsAreWhole: true }, orders);
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

  /** Prompts for captioning images: all codes of each image, up to the first word. */
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
   * @throws a `ConfigError` when the second modality is given before the first is complete; {@link ShapeError}
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
    return this.#layout.templates[checkOrder(order)].map((slot) => (slot.kind === "literal" ? "special" : slot.kind));
  }

  /** Modality of an id. */
  modality(id: number): Modality {
    return this.#layout.vocabulary.modality(id);
  }

  /** Formats rows as text: words, numbers (or letters) of codes, and names of special tokens. */
  describe(tokens: TokenBatch): string[] {
    checkTokenBatch(tokens, this.vocabularySize);
    const { data, count, length } = tokens;
    const blank = this.config.layout === "lines" ? "" : " ";
    return Array.from({ length: count }, (_, row) =>
      Array.from(data.subarray(row * length, (row + 1) * length), (id) => this.#layout.vocabulary.name(id)).join(blank),
    );
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
   * Id of a special token: `<bos>`, `<eoi>`, `<eot>`, where used `<end>`, `<pad>`, `<null>`, or a literal character of
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

const noCodes = (count: number): CodeBatch => ({ data: new Int32Array(0), count, height: 0, width: 0 });

const dropSchema = fields({ ...seededChoiceEntries, probability: number({ min: 0, max: 1 }) });
const pairsSchema = fields({
  codes: optional(value<CodeBatch>("a batch of codes", (codes) => typeof codes === "object" && codes !== null)),
  captions: value<readonly string[]>("a list of captions", Array.isArray),
  order: optional(
    value<OrderChoice>("an order", () => true),
    "text-first",
  ),
});
