import { type CodeBatch, ConfigError, type Grammar, type ImageBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { idProbabilities } from "@mmgen/samplers";
import { sequencePlaces } from "../diffusion/diffusion-examples.js";
import { checkCaptions } from "../model/check-arguments.js";
import { checkHasText } from "../model/method-arguments.js";
import type { ModelParts } from "../model/model-parts.js";

/** A word that may come next. */
export interface NextWord {
  /** A word, a character or the name of a class, as the tokenizer's text unit is; empty where the caption ends. */
  readonly word: string;
  /** By the model, at temperature 1; those of a row sum to 1. */
  readonly probability: number;
}

/** First words of captions, of images where there are any. */
export interface CaptionBeginnings {
  /** First words of each caption, or none: "". */
  readonly captions: readonly string[];
  /** What each caption is of; borrowed. Default: captions that come before their image. */
  readonly images?: ImageBatch | undefined;
}

/**
 * How likely each word is to come after the first ones of a caption, whatever the model's family.
 *
 * @param models - A `MultimodalModel`, or its parts.
 * @returns For each row its words, the likeliest first; none where the caption is as long as it can be.
 * @throws a `VocabularyError` for a word that no training caption had; a `ShapeError` when images and captions do not fit,
 *   or a caption is too long; a `ConfigError` for a model of images alone, and
 *   for images of a model of classes, which are chosen by the image that they make likely.
 */
export async function nextWords(models: ModelParts, beginnings: CaptionBeginnings): Promise<NextWord[][]> {
  const { tokenizer, transformer, vqvae } = models;
  checkHasText("nextWords", tokenizer);
  const { captions, images } = readFields("nextWords", beginnings, ["captions", "images"]);
  checkCaptions(captions);
  if (images !== undefined && images.count !== captions.length) {
    throw new ShapeError(`nextWords: expected one caption an image (${images.count}), got ${captions.length}.`);
  }
  if (images !== undefined && tokenizer.config.layout === "class") {
    throw new ConfigError("nextWords: a class comes before its image. Leave out images, or use caption.");
  }
  const codes = images && (await vqvae.encode(images));
  const find = transformer.config.causal ? afterPrompt(tokenizer) : atMask(tokenizer);
  const places = captions.map((caption, row) => find(caption, codes && rowOf(codes, row)));
  const logits = await transformer.logits(stack(places, tokenizer.sequenceLength));
  return places.map(({ at, legal }, row) => {
    const start = (row * tokenizer.sequenceLength + at) * transformer.vocabularySize;
    return legal.length === 0
      ? []
      : likeliestFirst(tokenizer, logits.slice(start, start + transformer.vocabularySize), legal);
  });
}

/** Where a row's next word is read, and which ids may be it. */
interface Place {
  readonly ids: Int32Array;
  /** Position whose logits are those of the word. */
  readonly at: number;
  /** Ascending; none where no word can come. */
  readonly legal: readonly number[];
}

type FindPlace = (caption: string, codes: CodeBatch | undefined) => Place;

/** Of a model that continues sequences: the logits at the last id of the prompt. */
function afterPrompt(tokenizer: MultimodalTokenizer): FindPlace {
  return (caption, codes) => {
    const order = codes === undefined ? "text-first" : "image-first";
    const grid = codes && { data: codes.data, count: 1, length: codes.height * codes.width };
    const { data } = tokenizer.promptForCompletion({ order, captions: [caption], ...(grid && { codes: grid }) });
    const grammar = tokenizer.grammar(order);
    const legal = legalAfter(grammar, data);
    // What follows a whole caption is a marker that says nothing of it.
    const isWord = legal.some((id) => tokenizer.modality(id) === "text");
    return { ids: data, at: data.length - 1, legal: isWord ? legal : [] };
  };
}

function legalAfter({ allowed, next, start, vocabularySize }: Grammar, ids: Int32Array): number[] {
  const state = ids.reduce((from, id) => next[from * vocabularySize + id]!, start);
  return Array.from({ length: vocabularySize }, (_, id) => id).filter(
    (id) => allowed[state * vocabularySize + id] === 1,
  );
}

/** Of a model that fills in masks: the logits at the first place of the text that is masked. */
function atMask(tokenizer: MultimodalTokenizer): FindPlace {
  const { legal, modalities, order } = sequencePlaces(tokenizer);
  return (caption, codes) => {
    const content = { captions: [caption], captionsAreWhole: false, ...(codes && { codes }) };
    const { ids, known } = tokenizer.maskedSequences(content, order);
    const at = modalities.findIndex((modality, place) => modality === "text" && known[place] === 0);
    const ranged = Array.from({ length: legal.to[at]! - legal.from[at]! }, (_, i) => legal.from[at]! + i);
    return { ids: ids.data, at: Math.max(at, 0), legal: at < 0 ? [] : ranged };
  };
}

function likeliestFirst(tokenizer: MultimodalTokenizer, logits: Float32Array, legal: readonly number[]): NextWord[] {
  const probabilities = idProbabilities(logits, { legal, temperature: 1 });
  const words = new Map<string, number>();
  for (const id of legal) {
    const word = tokenizer.modality(id) === "text" ? tokenizer.decodeText([id]) : "";
    words.set(word, (words.get(word) ?? 0) + probabilities[id]!);
  }
  return [...words]
    .map(([word, probability]) => ({ word, probability }))
    .sort((a, b) => b.probability - a.probability || (a.word < b.word ? -1 : 1));
}

/** Rows of one length, whatever their prompts': what stands behind a prompt is not seen from before it. */
function stack(places: readonly Place[], length: number): TokenBatch {
  const data = new Int32Array(places.length * length);
  for (const [row, { ids }] of places.entries()) {
    data.set(ids, row * length);
  }
  return { data, count: places.length, length };
}

function rowOf({ data, height, width }: CodeBatch, row: number): CodeBatch {
  const size = height * width;
  return { data: data.subarray(row * size, (row + 1) * size), count: 1, height, width };
}
