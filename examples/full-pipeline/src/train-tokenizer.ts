import { type ImageBatch, sliceImages } from "@mmgen/core";
import { type TokenizerTraining, trainTokenizer as trainVqVae } from "@mmgen/example-common";
import type { TrainingObserver } from "@mmgen/training";
import type { RunCheckpoints } from "./checkpoints.js";
import type { RunConfig } from "./config.js";
import { trainingCourse } from "./training-course.js";

/** Test images that the per-epoch figures are taken from; the final figures use all. */
const epochImages = 1000;

/** Options of {@link trainTokenizer}. */
export interface TrainTokenizerOptions {
  readonly config: RunConfig["tokenizer"];
  readonly train: ImageBatch;
  readonly test: ImageBatch;
  readonly seed: number;
  readonly checkpoints: RunCheckpoints;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * Trains the VQ-VAE, or goes on with it where its training state lies in the checkpoint folder.
 *
 * @throws an `AbortedError` when the signal fires; the state to resume from is then written.
 */
export async function trainTokenizer(options: TrainTokenizerOptions): Promise<TokenizerTraining> {
  const { checkpoints, config } = options;
  const { palettePlace, network, quantizer, head, epochs } = config;
  const composition =
    config.composition === "whole"
      ? ({ type: "whole" } as const)
      : ({ type: config.composition, palettePlace } as const);
  const training = await trainVqVae({
    ...trainingCourse(options, checkpoints.file("vqvaeTraining")),
    model: { composition, network, quantizer, head },
    train: options.train,
    heldOut: sliceImages(options.test, 0, Math.min(epochImages, options.test.count)),
    epochs,
  });
  await checkpoints.write("vqvae", await training.vqvae.toSafetensors());
  return training;
}
