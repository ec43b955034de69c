import type { ImageBatch } from "@mmgen/core";
import { CodeUsage, type ReconstructionFigures, reconstructionFigures, type VqVae } from "@mmgen/vqvae";

/** Reconstruction error and codebook use over a set of images. */
export interface TokenizerFigures extends ReconstructionFigures {
  /** exp of the entropy of the codes used. */
  readonly perplexity: number;
  /** Share of the codebook used at least once. */
  readonly codesUsed: number;
}

/** How well the tokenizer reconstructs images it was not trained on. */
export async function tokenizerFigures(vqvae: VqVae, images: ImageBatch): Promise<TokenizerFigures> {
  const codes = await vqvae.encode(images);
  const usage = new CodeUsage(vqvae.codebookSize);
  usage.add(codes.data);
  const figures = reconstructionFigures(images, await vqvae.decode(codes));
  return { ...figures, perplexity: usage.perplexity(), codesUsed: usage.share() };
}

/** How often each code comes among the codes of images, `[codebookSize]`. */
export async function codeCounts(vqvae: VqVae, images: ImageBatch): Promise<Float64Array> {
  const usage = new CodeUsage(vqvae.codebookSize);
  usage.add((await vqvae.encode(images)).data);
  return usage.counts;
}
