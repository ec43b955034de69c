import type { CodeBatch, ImageBatch } from "@mmgen/core";
import { CodeUsage, type ReconstructionMetrics, reconstructionMetrics } from "@mmgen/evaluation";
import type { VqVae } from "@mmgen/vqvae";

/** Reconstruction error and codebook use over a set of images. */
export interface ImageCodecMetrics extends ReconstructionMetrics {
  /** exp of the entropy of the codes used; of several codebooks the mean. */
  readonly perplexity: number;
  /** Share of the rows of all codebooks used at least once. */
  readonly codesUsed: number;
}

/**
 * How well an image codec reconstructs images, best ones it was not trained on.
 *
 * @param codes - The images' codes, where they are known already.
 * @throws a `ShapeError` when the images are not of the codec's shape and range.
 */
export async function imageCodecMetrics(
  vqvae: VqVae,
  images: ImageBatch,
  codes?: CodeBatch,
): Promise<ImageCodecMetrics> {
  codes ??= await vqvae.encode(images);
  const usage = codeUsage(vqvae, codes);
  const reconstruction = reconstructionMetrics(images, await vqvae.decode(codes));
  return { ...reconstruction, perplexity: usage.perplexity(), codesUsed: usage.share() };
}

/** How often each row of an image codec's codebooks comes in `codes`. */
export function codeUsage(vqvae: VqVae, codes: CodeBatch): CodeUsage {
  const usage = new CodeUsage(vqvae.codeLayout);
  usage.add(codes.data);
  return usage;
}
