import type { CodeBatch, ImageBatch } from "@mmgen/core";
import { CodeUsage, type ReconstructionMetrics, reconstructionMetrics } from "@mmgen/evaluation";
import type { VqVae } from "@mmgen/vqvae";

/** Reconstruction error and codebook use over a set of images. */
export interface TokenizerFigures extends ReconstructionMetrics {
  /** exp of the entropy of the codes used; of several codebooks the mean. */
  readonly perplexity: number;
  /** Share of the rows of all codebooks used at least once. */
  readonly codesUsed: number;
}

/**
 * How well the tokenizer reconstructs images it was not trained on.
 *
 * @param codes - Theirs, where they are known already.
 */
export async function tokenizerFigures(vqvae: VqVae, images: ImageBatch, codes?: CodeBatch): Promise<TokenizerFigures> {
  codes ??= await vqvae.encode(images);
  const usage = codeUsage(vqvae, codes);
  const figures = reconstructionMetrics(images, await vqvae.decode(codes));
  return { ...figures, perplexity: usage.perplexity(), codesUsed: usage.share() };
}

/** How often each row of a tokenizer's codebooks comes. */
export function codeUsage(vqvae: VqVae, codes: CodeBatch): CodeUsage {
  const usage = new CodeUsage(vqvae.codeLayout);
  usage.add(codes.data);
  return usage;
}
