import { Random } from "@mmgen/core";
import type { MultimodalTokenizer, Order, TrainingBatch } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import {
  cosineSchedule,
  type ExampleSource,
  evaluateLoss,
  type TrainingHistory,
  type TrainingObserver,
  train,
} from "@mmgen/training";
import { readCheckpoint, writeCheckpoint } from "./checkpoints.js";
import type { RunConfig } from "./config.js";
import { interruption } from "./interruption.js";
import type { RunFolders } from "./paths.js";

/** Sequences of one evaluation step. */
const evaluationBatch = 100;

/** Test sequences in each order. */
export type TestSequences = Readonly<Record<Order, ExampleSource<TrainingBatch>>>;

/** What training the transformer came to. */
export interface TransformerTraining {
  readonly transformer: TinyTransformer;
  readonly history: TrainingHistory;
}

/** Options of {@link trainTransformer}. */
export interface TrainTransformerOptions {
  readonly config: RunConfig["transformer"];
  readonly tokenizer: MultimodalTokenizer;
  readonly examples: ExampleSource<TrainingBatch>;
  readonly test: TestSequences;
  /** Called before training and after every epoch. */
  readonly onEpoch: (transformer: TinyTransformer, epoch: number) => Promise<void>;
  readonly seed: number;
  readonly folders: RunFolders;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * Trains the transformer, or goes on with it where its training state lies in the checkpoint folder.
 *
 * @throws {@link AbortedError} when the signal fires; the state to resume from is then written.
 */
export async function trainTransformer(options: TrainTransformerOptions): Promise<TransformerTraining> {
  const { config, examples, folders, signal, tokenizer } = options;
  const random = Random.fromSeed(options.seed).fork("transformer");
  const { width, heads, layers, dropout } = config;
  const transformer = TinyTransformer.create(
    {
      vocabularySize: tokenizer.vocabularySize,
      contextLength: tokenizer.sequenceLength,
      width,
      heads,
      layers,
      dropout,
    },
    { random: random.fork("weights") },
  );
  const totalSteps = Math.floor(examples.count / config.batchSize) * config.epochs;
  const resume = await readCheckpoint(folders, "transformerTraining");
  const result = await train({
    model: transformer,
    examples,
    batchSize: config.batchSize,
    epochs: config.epochs,
    schedule: cosineSchedule({
      learningRate: config.learningRate,
      totalSteps,
      warmUpSteps: config.warmUpSteps,
    }),
    optimiser: { weightDecay: config.weightDecay, clipNorm: config.clipNorm },
    random: random.fork("training"),
    evaluate: async ({ epoch }) => {
      const figures = await natsPerId(transformer, options.test, signal);
      await options.onEpoch(transformer, epoch);
      return figures;
    },
    checkpoint: { write: (state) => writeCheckpoint(folders, "transformerTraining", state) },
    ...(resume && { resume }),
    observers: options.observers,
    signal,
  });
  if (result.status === "aborted") {
    transformer.dispose();
    throw interruption("the transformer", result.step, totalSteps);
  }
  await writeCheckpoint(folders, "transformer", await transformer.toSafetensors());
  return { transformer, history: result.history };
}

/** Mean negative log-likelihood of a predicted id, in nats: each order's, and the mean of both as `natsPerId`. */
async function natsPerId(
  transformer: TinyTransformer,
  test: TestSequences,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const order of ["text-first", "image-first"] as const) {
    const { loss } = await evaluateLoss({
      model: transformer,
      examples: test[order],
      batchSize: evaluationBatch,
      signal,
    });
    figures[order] = loss!;
  }
  return { natsPerId: (figures["text-first"]! + figures["image-first"]!) / 2, ...figures };
}
