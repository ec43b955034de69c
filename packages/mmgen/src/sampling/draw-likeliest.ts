import { type CodeBatch, ConfigError, checkWholeNumber, type ImageBatch } from "@mmgen/core";
import type { ModelParts } from "../model/model-parts.js";
import type { CodedPairs } from "../stages/training-examples.js";

/** Options of a drawing that has a choice. */
export interface CandidateOptions {
  /**
   * Images drawn for each one that is given back: the one whose caption is likeliest, as `score` finds it given the image.
   * Needs a model of captions that learned both orders, or one of the family `diffusion`. Default 1: no choice.
   */
  readonly candidates?: number | undefined;
}

/** How a family draws and scores. */
export interface CandidateMethods {
  /** Draws the codes of an image for each caption. */
  drawCodes(captions: readonly string[]): Promise<CodeBatch>;
  /** How unlikely each caption is given its image. */
  captionNats(pairs: CodedPairs): Promise<ArrayLike<number>>;
}

/**
 * Draws several images for each caption and keeps the one whose caption is likeliest.
 *
 * @throws a {@link ConfigError} where the model has no captions, or `candidates` is no number of images.
 * @see Ramesh et al. 2021, section 2.6, https://arxiv.org/abs/2102.12092, who choose by another model
 */
export async function drawLikeliest(
  { tokenizer, vqvae }: ModelParts,
  captions: readonly string[],
  { candidates, captionNats, drawCodes }: CandidateMethods & { readonly candidates: number },
): Promise<ImageBatch> {
  checkWholeNumber("candidates", candidates, { min: 1, max: 2 ** 16 });
  if (tokenizer.orders.length < 2) {
    throw new ConfigError("candidates: only models of captions tell how likely one is. Leave it out.");
  }
  const repeated = captions.flatMap((caption) => new Array<string>(candidates).fill(caption));
  const codes = await drawCodes(repeated);
  const nats = await captionNats({ codes, captions: repeated });
  const size = codes.height * codes.width;
  const kept = new Int32Array(captions.length * size);
  for (let row = 0; row < captions.length; row++) {
    let best = row * candidates;
    for (let other = best + 1; other < (row + 1) * candidates; other++) {
      best = nats[other]! < nats[best]! ? other : best;
    }
    kept.set(codes.data.subarray(best * size, (best + 1) * size), row * size);
  }
  return vqvae.decode({ ...codes, data: kept, count: captions.length });
}
