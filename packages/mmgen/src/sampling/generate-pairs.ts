import type { CodeBatch, ImageBatch, TokenBatch } from "@mmgen/core";
import { type GuidanceScale, generate, rowSeeds, type SamplingOptions } from "@mmgen/samplers";
import { likeliestClasses } from "../metrics/likeliest-classes.js";
import { checkFields } from "../model/check-arguments.js";
import type { ModelParts, SequenceModels } from "../model/model-parts.js";
import { inPieces } from "./in-pieces.js";
import { type OnRound, tellRounds } from "./pairs-round.js";

/** How the ids of codes and words are drawn. */
export interface GenerationOptions extends SamplingOptions {
  /** Any safe integer; the same gives the same result. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Classifier-free guidance: 1 changes nothing, more follows the condition more closely; one scale, or `{ from, to }` for
   * one that changes from the first id that is drawn to the last. Needs a tokenizer with `nullToken` and a transformer
   * trained with condition dropout. Default: none.
   */
  readonly guidance?: GuidanceScale | undefined;
  /** Stops with an `AbortedError`, after the step under way or, in a native loop, the 32 rows. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Receives the images' codes before the first round and after each, to show them as they appear. The family
   * `autoregressive` then draws id by id, in place of a native loop, and tells nothing where it draws candidates. Default:
   * none.
   */
  readonly onRound?: OnRound | undefined;
}

/** Names of a {@link GenerationOptions}' fields. */
export const generationFields = [
  ...["repetitionPenalty", "temperature", "topK", "topP", "minP", "typicalP"],
  ...["seed", "guidance", "signal", "onRound"],
] as const;

/** Images, their codes and captions that belong together, row by row. */
export interface Pairs {
  readonly images: ImageBatch;
  readonly codes: CodeBatch;
  readonly captions: string[];
}

/**
 * Draws an image for each caption.
 *
 * A row's result depends on the seed and its number alone, not on the others.
 *
 * @throws a `VocabularyError` for a word that no training caption had; a `GrammarError` for too few or too many words.
 */
export async function drawImages(
  models: ModelParts,
  captions: readonly string[],
  options: GenerationOptions = {},
): Promise<ImageBatch> {
  const { codes } = await completeSequences(models, models.tokenizer.promptForImages(captions), options);
  return models.vqvae.decode(codes);
}

/**
 * Writes a caption for each image.
 *
 * @throws a `ShapeError` when the images are not of the image codec's shape and range.
 */
export async function captionImages(
  models: ModelParts,
  images: ImageBatch,
  options: GenerationOptions = {},
): Promise<string[]> {
  return captionCodes(models, await models.vqvae.encode(images), options);
}

/** Writes a caption for each image's codes; of a model of classes the likeliest class, whatever the options. */
export async function captionCodes(
  models: SequenceModels,
  codes: CodeBatch,
  options: GenerationOptions = {},
): Promise<string[]> {
  if (models.tokenizer.config.layout === "class") {
    return likeliestClasses(models, codes, { signal: options.signal });
  }
  return (await completeSequences(models, models.tokenizer.promptForCaptions(codes), options)).captions;
}

/** Invents images with captions, half of each in either order where sequences share no first id (layout `lines`). */
export async function inventPairs(models: ModelParts, count: number, options: GenerationOptions = {}): Promise<Pairs> {
  const { tokenizer, vqvae } = models;
  const prompt = tokenizer.promptForPairs(count, tokenizer.config.layout === "lines" ? "halves" : undefined);
  const { codes, captions } = await completeSequences(models, prompt, options);
  return { images: await vqvae.decode(codes), codes, captions };
}

/**
 * Completes every row of a prompt to a whole pair.
 *
 * @param prompt - From one of the tokenizer's `promptFor…` methods.
 */
export async function completeSequences(
  { tokenizer, transformer }: SequenceModels,
  prompt: TokenBatch,
  options: GenerationOptions = {},
): Promise<{ readonly codes: CodeBatch; readonly captions: string[] }> {
  checkFields("", options, generationFields);
  const { guidance, onRound, seed = 0, signal, ...sampling } = options;
  const seeds = rowSeeds(seed, prompt.count);
  const grammar = tokenizer.grammar();
  const unconditional = guidance === undefined ? undefined : tokenizer.withoutCondition(prompt);
  const data = new Int32Array(prompt.count * tokenizer.sequenceLength);
  await inPieces(prompt.count, { signal }, async (start, end) => {
    const rows = rowsOf(prompt, start, end);
    const part = await generate({
      ...{ model: transformer, prompt: rows, grammar, ...sampling },
      seeds: seeds.subarray(start, end),
      ...(unconditional && { guidance: { prompt: rowsOf(unconditional, start, end), scale: guidance! } }),
      ...(signal && { signal }),
      ...(onRound && { onIds: await tellRounds(tokenizer, rows, { firstRow: start, onRound }) }),
    });
    data.set(part.data, start * tokenizer.sequenceLength);
  });
  return tokenizer.decode({ data, count: prompt.count, length: tokenizer.sequenceLength });
}

/** Rows `start` to `end`, as a view of the same memory. */
export function rowsOf({ data, length }: TokenBatch, start: number, end: number): TokenBatch {
  return { data: data.subarray(start * length, end * length), count: end - start, length };
}
