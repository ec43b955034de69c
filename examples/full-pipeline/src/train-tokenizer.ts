import { type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { cosineSchedule, imageExamples, type TrainingHistory, type TrainingObserver, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { readCheckpoint, writeCheckpoint } from "./checkpoints.js";
import type { RunConfig } from "./config.js";
import { interruption } from "./interruption.js";
import type { RunFolders } from "./paths.js";
import { tokenizerFigures } from "./tokenizer-figures.js";

/** Test images that the per-epoch figures are taken from; the final figures use all. */
const epochTestImages = 1000;

/** What training the image tokenizer came to. */
export interface TokenizerTraining {
  readonly vqvae: VqVae;
  readonly history: TrainingHistory;
}

/** Options of {@link trainTokenizer}. */
export interface TrainTokenizerOptions {
  readonly config: RunConfig["tokenizer"];
  readonly train: ImageBatch;
  readonly test: ImageBatch;
  readonly seed: number;
  readonly folders: RunFolders;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * Trains the VQ-VAE, or goes on with it where its training state lies in the checkpoint folder.
 *
 * @throws {@link AbortedError} when the signal fires; the state to resume from is then written.
 */
export async function trainTokenizer(options: TrainTokenizerOptions): Promise<TokenizerTraining> {
  const { config, folders, signal } = options;
  const random = Random.fromSeed(options.seed).fork("tokenizer");
  const { height, channels, maxValue } = options.train;
  const vqvae = VqVae.create(
    {
      imageSide: height,
      channels,
      maxValue,
      composition: { type: config.composition },
      network: config.network,
      quantizer: config.quantizer,
      head: config.head,
    },
    { random: random.fork("weights") },
  );
  const stepsPerEpoch = Math.floor(options.train.count / config.batchSize);
  const resume = await readCheckpoint(folders, "vqvaeTraining");
  const testPart = sliceImages(options.test, 0, Math.min(epochTestImages, options.test.count));
  const result = await train({
    model: vqvae,
    examples: imageExamples(options.train),
    batchSize: config.batchSize,
    epochs: config.epochs,
    schedule: cosineSchedule({
      learningRate: config.learningRate,
      totalSteps: stepsPerEpoch * config.epochs,
      warmUpSteps: config.warmUpSteps,
    }),
    optimiser: { weightDecay: config.weightDecay, clipNorm: config.clipNorm },
    random: random.fork("training"),
    evaluate: async () => ({ ...(await tokenizerFigures(vqvae, testPart)) }),
    checkpoint: { write: (state) => writeCheckpoint(folders, "vqvaeTraining", state) },
    ...(resume && { resume }),
    observers: options.observers,
    signal,
  });
  if (result.status === "aborted") {
    vqvae.dispose();
    throw interruption("the image tokenizer", result.step, stepsPerEpoch * config.epochs);
  }
  await writeCheckpoint(folders, "vqvae", await vqvae.toSafetensors());
  return { vqvae, history: result.history };
}
