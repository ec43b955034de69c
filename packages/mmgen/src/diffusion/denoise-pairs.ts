import { type CodeBatch, ConfigError, type ImageBatch, type TokenBatch } from "@mmgen/core";
import type { MaskedContent, MultimodalTokenizer, Order } from "@mmgen/multimodal-tokenizer";
import {
  type DenoisedRound,
  type DiffusionSamplerOptions,
  denoise,
  type GuidanceScale,
  rowSeeds,
} from "@mmgen/samplers";
import { checkFields } from "../model/check-arguments.js";
import type { ModelParts } from "../model/model-parts.js";
import { imageGrid } from "../model/stage-models.js";
import { type Completion, completionRows, firstWords } from "../sampling/completion-prompt.js";
import { type GenerationOptions, generationFields, type Pairs } from "../sampling/generate-pairs.js";
import { inPieces } from "../sampling/in-pieces.js";
import { keptCodes, keptFields } from "../sampling/kept-codes.js";
import type { PairsRound } from "../sampling/pairs-round.js";
import type { DiffusionModels } from "./diffusion-bounds.js";
import { sequencePlaces } from "./diffusion-examples.js";

/** How a model of the family `diffusion` fills in what is not known. */
export interface DenoisingOptions
  extends Pick<GenerationOptions, "onRound" | "seed" | "signal" | "temperature" | "topK" | "topP"> {
  /** How ids are found, round by round. Default: the model's. */
  readonly sampler?: DiffusionSamplerOptions | undefined;
  /**
   * Classifier-free guidance by the caption or class: 1 changes nothing, more follows it more closely. Needs a model that
   * was trained with a share of `imageAlone`. Default: none.
   */
  readonly guidance?: GuidanceScale | undefined;
}

/** Names of a {@link DenoisingOptions}' fields. */
export const denoisingFields = [
  ...["temperature", "topK", "topP", "seed", "signal", "guidance", "sampler", "onRound"],
] as const;

/** A model's parts of the family `diffusion`. */
export type DenoisingModels = ModelParts & DiffusionModels;

/**
 * Draws an image for each caption, or name of a class.
 *
 * A row's result depends on the seed and its number alone, not on the others.
 *
 * @throws a `VocabularyError` for a word that no training caption had; a `GrammarError` for too few or too many words.
 */
export async function denoiseImages(
  models: DenoisingModels,
  captions: readonly string[],
  options: DenoisingOptions = {},
): Promise<ImageBatch> {
  const { codes } = await denoiseContent(models, { captions }, options);
  return models.vqvae.decode(codes);
}

/** Writes a caption, or names a class, for each image. Rows as those of {@link denoiseImages}. */
export async function denoiseCaptions(
  models: DenoisingModels,
  images: ImageBatch,
  options: DenoisingOptions = {},
): Promise<string[]> {
  return (await denoiseContent(models, { codes: await models.vqvae.encode(images) }, options)).captions;
}

/** Invents images, with captions or classes where the model has them. Rows as those of {@link denoiseImages}. */
export async function denoisePairs(
  models: DenoisingModels,
  count: number,
  options: DenoisingOptions = {},
): Promise<Pairs> {
  const { codes, captions } = await denoiseContent(models, { count }, options);
  return { images: await models.vqvae.decode(codes), codes, captions };
}

/**
 * Completes images from any part of them, captions from their first words, and what belongs to them. Kept codes and words
 * never change. Rows as those of {@link denoiseImages}.
 *
 * @throws a {@link ConfigError} when what is kept is not there.
 */
export async function denoiseCompletions(
  models: DenoisingModels,
  completion: Completion,
  options: DenoisingOptions = {},
): Promise<Pairs> {
  const { captions, codes } = await denoiseContent(models, await completionContent(models, completion), options);
  return { images: await models.vqvae.decode(codes), codes, captions };
}

/** What is known of each completion. */
async function completionContent(
  { tokenizer, vqvae }: DenoisingModels,
  completion: Completion,
): Promise<MaskedContent> {
  const { captions, count, images, keep } = completionRows(completion);
  checkFields("keep", keep, keptFields);
  const codes = images && repeatCodes(await vqvae.encode(images), count);
  if ("words" in keep) {
    const beginnings = firstWords(tokenizer, captions, keep.words);
    return { captions: repeat(beginnings, count), captionsAreWhole: false, ...(codes && { codes }) };
  }
  if (images === undefined) {
    throw new ConfigError("keep: rows, codes and masks are of images, and only captions were given; keep words.");
  }
  const knownCodes = keptCodes(vqvae, keep, images);
  return { codes: codes!, knownCodes, ...(captions && { captions: repeat(captions, count) }) };
}

/** Fills in what is not known of pairs. */
export async function denoiseContent(
  { diffusion, tokenizer, transformer: model }: DiffusionModels,
  content: MaskedContent,
  options: DenoisingOptions,
): Promise<{ readonly codes: CodeBatch; readonly captions: string[] }> {
  const { guidance, onRound, sampler = diffusion.sampler, seed = 0, ...sampling } = denoisingOptions(options);
  if (guidance !== undefined && (content.captions === undefined || content.captionsAreWhole === false)) {
    throw new ConfigError(
      "guidance: a model of diffusion is guided by a whole caption or a class, and here is none. Leave it out.",
    );
  }
  const { legal, maskId, order } = sequencePlaces(tokenizer);
  const { ids, known } = tokenizer.maskedSequences(content, order);
  const without = guidance === undefined ? undefined : tokenizer.withoutCondition(ids);
  const seeds = rowSeeds(seed, ids.count);
  const needsGrid = sampler.type === "halton" && sampler.grid === undefined;
  const placed = needsGrid ? { ...sampler, grid: imageGrid(tokenizer, order) } : sampler;
  const data = new Int32Array(ids.data.length);
  await inPieces(ids.count, { signal: sampling.signal }, async (start, end) => {
    const part = await denoise({
      ...{ ...sampling, model, legal, maskId, kernel: diffusion.kernel, sampler: placed },
      ...{ ids: rowsOf(ids, start, end), seeds: seeds.subarray(start, end) },
      known: known.subarray(start * ids.length, end * ids.length),
      ...(without && { guidance: { ids: rowsOf(without, start, end), scale: guidance! } }),
      ...(onRound && { onRound: (state) => onRound(imagesOf(state, { tokenizer, order, firstRow: start })) }),
    });
    data.set(part.data, start * ids.length);
  });
  return tokenizer.decode(tokenizer.endCaptions({ ...ids, data }, order));
}

/**
 * Options that a model of diffusion takes.
 *
 * @throws a {@link ConfigError} for one of the other family, or of none.
 */
export function denoisingOptions(options: DenoisingOptions, path = ""): DenoisingOptions {
  checkFields(path, options, [...new Set<string>([...generationFields, ...denoisingFields])]);
  const taken: readonly string[] = denoisingFields;
  const foreign = Object.entries(options).find(([name, option]) => option !== undefined && !taken.includes(name));
  if (foreign !== undefined) {
    throw new ConfigError(
      `${path === "" ? "" : `${path}.`}${foreign[0]}: only models of the family "autoregressive" take it; one of "diffusion" has temperature, topK and topP.`,
    );
  }
  const given = Object.entries(options).filter(([name, option]) => option !== undefined && taken.includes(name));
  return Object.fromEntries(given);
}

/** The images' part of sequences that are being made. */
function imagesOf(
  { ids, masked, round, rounds }: DenoisedRound,
  {
    firstRow,
    order,
    tokenizer,
  }: { readonly firstRow: number; readonly order: Order; readonly tokenizer: MultimodalTokenizer },
): PairsRound {
  const { height, width } = tokenizer.config.codeGrid;
  const length = tokenizer.sequenceLength;
  const modalities = tokenizer.modalities(order);
  const isCode = (_: unknown, i: number) => modalities[i % length] === "image";
  const codeMasks = masked.filter(isCode);
  const data = ids.filter(isCode).map((id, i) => (codeMasks[i] === 1 ? 0 : id - tokenizer.ids.image.start));
  const codes = { data, count: ids.length / length, height, width };
  return { round, rounds, firstRow, codes, masked: codeMasks };
}

function rowsOf({ data, length }: TokenBatch, start: number, end: number): TokenBatch {
  return { data: data.subarray(start * length, end * length), count: end - start, length };
}

/** Each several times, one after the other. */
function repeat<Item>(items: readonly Item[], times: number): Item[] {
  return items.flatMap((item) => new Array<Item>(times).fill(item));
}

/** Each image's codes several times, one after the other. */
function repeatCodes({ count, data, height, width }: CodeBatch, times: number): CodeBatch {
  const size = height * width;
  const repeated = new Int32Array(count * times * size);
  for (let row = 0; row < count * times; row++) {
    const from = Math.floor(row / times) * size;
    repeated.set(data.subarray(from, from + size), row * size);
  }
  return { data: repeated, count: count * times, height, width };
}
