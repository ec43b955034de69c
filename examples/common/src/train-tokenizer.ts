import { type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { type EarlyStopping, evaluateLoss, imageExamples, type TrainingHistory, train } from "@mmgen/training";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import { interruption } from "./interruption.js";
import { tokenizerFigures } from "./tokenizer-figures.js";
import type { TrainingCourse } from "./training-course.js";

/** Options of {@link trainTokenizer}. */
export interface TrainTokenizerOptions extends TrainingCourse {
  /** All but the images' shape. */
  readonly model: VqVaeOptions;
  readonly train: ImageBatch;
  /** What the figures after each epoch are taken from. */
  readonly heldOut: ImageBatch;
  readonly epochs: number;
  /** Ends the training when these figures get no better. */
  readonly earlyStopping?: EarlyStopping | undefined;
}

/** Held-out images that the loss is taken from, at most: enough for a curve, and cheap beside the training. */
const lossImages = 1000;

/** What training the image tokenizer came to. */
export interface TokenizerTraining {
  readonly vqvae: VqVae;
  /** Each epoch has the figures of the held-out images, and their loss, in the training loss's units, as `heldOutLoss`. */
  readonly history: TrainingHistory;
}

/**
 * Trains the VQ-VAE, or goes on with it where its training state lies.
 *
 * @throws an `AbortedError` when the signal fires; the state to resume from is then written.
 */
export async function trainTokenizer(options: TrainTokenizerOptions): Promise<TokenizerTraining> {
  const { batchSize, checkpoint, command, earlyStopping, epochs, heldOut, schedule, optimizer, signal } = options;
  const random = Random.fromSeed(options.seed).fork("tokenizer");
  const { height: imageSide, channels, maxValue } = options.train;
  const vqvae = VqVae.create({ imageSide, channels, maxValue, ...options.model }, { random: random.fork("weights") });
  const totalSteps = Math.floor(options.train.count / batchSize) * epochs;
  const lossExamples = imageExamples(sliceImages(heldOut, 0, Math.min(lossImages, heldOut.count)));
  const resume = await checkpoint.read();
  const result = await train({
    model: vqvae,
    examples: imageExamples(options.train),
    batchSize,
    epochs,
    schedule: schedule(totalSteps),
    optimizer,
    ...(earlyStopping && { earlyStopping }),
    random: random.fork("training"),
    evaluate: async () => {
      const { loss } = await evaluateLoss({ model: vqvae, examples: lossExamples, batchSize, signal });
      return { heldOutLoss: loss!, ...(await tokenizerFigures(vqvae, heldOut)) };
    },
    checkpoint,
    ...(resume && { resume }),
    observers: options.observers,
    signal,
  });
  if (result.status === "aborted") {
    vqvae.dispose();
    throw interruption(command, "the image tokenizer", result.step, totalSteps);
  }
  return { vqvae, history: result.history };
}
