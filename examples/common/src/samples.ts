import type { CodeBatch, ImageBatch, TokenBatch } from "@mmgen/core";
import { generate, rowSeeds } from "@mmgen/samplers";
import type { SequenceModels, TrainedModels } from "./trained-models.js";

/** How ids are drawn. */
export interface SamplingOptions {
  readonly seed: number;
  /** 0 takes the likeliest id each time. */
  readonly temperature: number;
  readonly topP: number;
  readonly signal?: AbortSignal;
}

/** Images, their codes and captions that belong together, row by row. */
export interface Pairs {
  readonly images: ImageBatch;
  readonly codes: CodeBatch;
  readonly captions: string[];
}

/** Rows decoded at once: a bounded cache, whatever the count asked for. */
const rowsAtOnce = 100;

/** Draws an image for each caption. */
export async function drawCaptions(
  models: TrainedModels,
  captions: readonly string[],
  sampling: SamplingOptions,
): Promise<ImageBatch> {
  const { codes } = await complete(models, models.tokenizer.promptForImages(captions), sampling);
  return models.vqvae.decode(codes);
}

/** Writes a caption for each image. */
export async function captionImages(
  models: TrainedModels,
  images: ImageBatch,
  sampling: SamplingOptions,
): Promise<string[]> {
  return captionCodes(models, await models.vqvae.encode(images), sampling);
}

/** Writes a caption for each image's codes. */
export async function captionCodes(
  models: SequenceModels,
  codes: CodeBatch,
  sampling: SamplingOptions,
): Promise<string[]> {
  return (await complete(models, models.tokenizer.promptForCaptions(codes), sampling)).captions;
}

/** Invents images with captions. */
export async function inventPairs(models: TrainedModels, count: number, sampling: SamplingOptions): Promise<Pairs> {
  const { codes, captions } = await complete(models, models.tokenizer.promptForPairs(count), sampling);
  return { images: await models.vqvae.decode(codes), codes, captions };
}

/** Completes every row of a prompt and reads it back as a pair; a row's result depends on the seed and its number alone. */
async function complete(
  { tokenizer, transformer }: SequenceModels,
  prompt: TokenBatch,
  { seed, temperature, topP, signal }: SamplingOptions,
): Promise<{ readonly codes: CodeBatch; readonly captions: string[] }> {
  const seeds = rowSeeds(seed, prompt.count);
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
  return tokenizer.decode({ data, count: prompt.count, length: tokenizer.sequenceLength });
}
