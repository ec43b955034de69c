import { type ExampleSource, Random } from "@mmgen/core";
import type { TrainingBatch } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer, type TransformerOptions } from "@mmgen/tiny-transformer";
import { type Metrics, type TrainingHistory, type TrainingObserver, train } from "@mmgen/training";
import { interruption } from "./interruption.js";
import type { TrainingCourse } from "./training-course.js";

/** Options of {@link trainTransformer}. */
export interface TrainTransformerOptions extends TrainingCourse {
  readonly model: TransformerOptions;
  readonly examples: ExampleSource<TrainingBatch>;
  readonly steps: number;
  /** Figures of the model on held-out sequences, before training and after each epoch. */
  readonly evaluate: (transformer: TinyTransformer, epoch: number) => Promise<Metrics>;
  /** Told of the training, with the model in its hands. */
  readonly watch?: (transformer: TinyTransformer) => TrainingObserver;
}

/** What training the transformer came to. */
export interface TransformerTraining {
  readonly transformer: TinyTransformer;
  readonly history: TrainingHistory;
}

/**
 * Trains the transformer, or goes on with it where its training state lies.
 *
 * @throws an `AbortedError` when the signal fires; the state to resume from is then written.
 */
export async function trainTransformer(options: TrainTransformerOptions): Promise<TransformerTraining> {
  const { batchSize, checkpoint, command, evaluate, examples, optimizer, schedule, steps, watch } = options;
  const random = Random.fromSeed(options.seed).fork("transformer");
  const transformer = TinyTransformer.create(options.model, { random: random.fork("weights") });
  const resume = await checkpoint.read();
  const result = await train({
    model: transformer,
    examples,
    batchSize,
    steps,
    schedule: schedule(steps),
    optimizer,
    random: random.fork("training"),
    evaluate: ({ epoch }) => evaluate(transformer, epoch),
    checkpoint,
    ...(resume && { resume }),
    observers: [...options.observers, ...(watch ? [watch(transformer)] : [])],
    signal: options.signal,
  });
  if (result.status === "aborted") {
    transformer.dispose();
    throw interruption(command, "the transformer", result.step, steps);
  }
  return { transformer, history: result.history };
}
