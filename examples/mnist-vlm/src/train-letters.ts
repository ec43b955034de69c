import type { ImageBatch } from "@mmgen/core";
import { type TokenizerTraining, trainTokenizer } from "@mmgen/example-common";
import type { TrainingObserver } from "@mmgen/training";
import type { RunCheckpoints } from "./checkpoints.js";
import type { VlmConfig } from "./config.js";
import { trainingCourse } from "./training-course.js";

/** Options of {@link trainLetters}. */
export interface TrainLettersOptions {
  readonly config: VlmConfig["tokenizer"];
  readonly train: ImageBatch;
  readonly validation: ImageBatch;
  readonly seed: number;
  readonly checkpoints: RunCheckpoints;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * Trains the autoencoder that writes an image as letters, on images alone, or goes on with it.
 *
 * @throws an `AbortedError` when the signal fires; the state to resume from is then written.
 */
export async function trainLetters(options: TrainLettersOptions): Promise<TokenizerTraining> {
  const { checkpoints, config } = options;
  const { hidden, latentActivation, epochs, patience } = config;
  const { chunks, codebookSize, codeDimension, sharedCodebook, codebook, commitmentWeight, deadCodeThreshold } = config;
  const training = await trainTokenizer({
    ...trainingCourse(options, config, checkpoints.file("vqvaeTraining")),
    model: {
      network: { type: "dense", hidden, latentActivation },
      quantizer: {
        type: "product",
        ...{ chunks, codebookSize, codeDimension, sharedCodebook, codebook, commitmentWeight, deadCodeThreshold },
      },
      head: "sigmoid",
    },
    train: options.train,
    heldOut: options.validation,
    epochs,
    earlyStopping: patience === undefined ? undefined : { metric: "meanSquaredError", patience },
  });
  await checkpoints.write("vqvae", await training.vqvae.toSafetensors());
  return training;
}
