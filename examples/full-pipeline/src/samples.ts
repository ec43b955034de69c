import type { CodeBatch, ImageBatch, TokenBatch } from "@mmgen/core";
import { generate, rowSeeds } from "@mmgen/samplers";
import type { TrainedModels } from "./checkpoints.js";

/** How ids are drawn. */
export interface SamplingOptions {
  readonly seed: number;
  /** 0 takes the likeliest id each time. */
  readonly temperature: number;
  readonly topP: number;
  readonly signal?: AbortSignal;
}

/** Pictures, their codes and captions that belong together, row by row. */
export interface Pairs {
  readonly images: ImageBatch;
  readonly codes: CodeBatch;
  readonly captions: string[];
}

/** Rows decoded at once: a bounded cache, whatever the count asked for. */
const rowsAtOnce = 100;

/** Draws a picture for each caption. */
export async function drawCaptions(
  models: TrainedModels,
  captions: readonly string[],
  sampling: SamplingOptions,
): Promise<ImageBatch> {
  return (await complete(models, models.tokenizer.promptForImages(captions), sampling)).images;
}

/** Writes a caption for each picture. */
export async function captionImages(
  models: TrainedModels,
  images: ImageBatch,
  sampling: SamplingOptions,
): Promise<string[]> {
  const codes = await models.vqvae.encode(images);
  return (await complete(models, models.tokenizer.promptForCaptions(codes), sampling)).captions;
}

/** Invents pictures with captions. */
export function inventPairs(models: TrainedModels, count: number, sampling: SamplingOptions): Promise<Pairs> {
  return complete(models, models.tokenizer.promptForPairs(count), sampling);
}

/** Completes every row of a prompt and reads it back as a pair; a row's result depends on the seed and its number alone. */
async function complete(models: TrainedModels, prompt: TokenBatch, sampling: SamplingOptions): Promise<Pairs> {
  const { tokenizer, transformer, vqvae } = models;
  const { temperature, topP, signal } = sampling;
  const seeds = rowSeeds(sampling.seed, prompt.count);
  const data = new Int32Array(prompt.count * tokenizer.sequenceLength);
  for (let start = 0; start < prompt.count; start += rowsAtOnce) {
    const end = Math.min(start + rowsAtOnce, prompt.count);
    const part = await generate({
      model: transformer,
      prompt: {
        data: prompt.data.subarray(start * prompt.length, end * prompt.length),
        count: end - start,
        length: prompt.length,
      },
      grammar: tokenizer.grammar(),
      seeds: seeds.subarray(start, end),
      temperature,
      topP,
      ...(signal && { signal }),
    });
    data.set(part.data, start * tokenizer.sequenceLength);
  }
  const { codes, captions } = tokenizer.split({ data, count: prompt.count, length: tokenizer.sequenceLength });
  return { images: await vqvae.decode(codes), codes, captions };
}
