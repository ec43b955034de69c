import type { ExampleSource } from "@mmgen/core";
import { type TransformerTraining, trainTransformer as trainModel } from "@mmgen/example-common";
import type { MultimodalTokenizer, Order, TrainingBatch } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import { evaluateLoss, type TrainingObserver } from "@mmgen/training";
import type { RunCheckpoints } from "./checkpoints.js";
import type { RunConfig } from "./config.js";
import { trainingCourse } from "./training-course.js";

/** Sequences of one evaluation step. */
const evaluationBatch = 100;

/** Test sequences in each order. */
export type TestSequences = Readonly<Record<Order, ExampleSource<TrainingBatch>>>;

/** Options of {@link trainTransformer}. */
export interface TrainTransformerOptions {
  readonly config: RunConfig["transformer"];
  readonly tokenizer: MultimodalTokenizer;
  readonly examples: ExampleSource<TrainingBatch>;
  readonly test: TestSequences;
  /** Called before training and after every epoch. */
  readonly onEpoch: (transformer: TinyTransformer, epoch: number) => Promise<void>;
  readonly seed: number;
  readonly checkpoints: RunCheckpoints;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * Trains the transformer, or goes on with it where its training state lies in the checkpoint folder.
 *
 * @throws an `AbortedError` when the signal fires; the state to resume from is then written.
 */
export async function trainTransformer(options: TrainTransformerOptions): Promise<TransformerTraining> {
  const { checkpoints, config, examples, signal, tokenizer } = options;
  const { width, heads, layers, dropout, batchSize, epochs } = config;
  const training = await trainModel({
    ...trainingCourse(options, checkpoints.file("transformerTraining")),
    model: {
      vocabularySize: tokenizer.vocabularySize,
      contextLength: tokenizer.sequenceLength,
      ...{ width, heads, layers, dropout },
    },
    examples,
    steps: Math.floor(examples.count / batchSize) * epochs,
    evaluate: async (transformer, epoch) => {
      const figures = await natsPerId(transformer, options.test, signal);
      await options.onEpoch(transformer, epoch);
      return { ...figures, natsPerPair: figures.natsPerId! * (tokenizer.sequenceLength - 1) };
    },
  });
  await checkpoints.write("transformer", await training.transformer.toSafetensors());
  return training;
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
