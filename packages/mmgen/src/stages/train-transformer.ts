import { type ExampleSource, Random } from "@mmgen/core";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import {
  TinyTransformer,
  type TransformerOptions as TinyTransformerOptions,
  type TransformerBatch,
} from "@mmgen/tiny-transformer";
import type { Metrics, TrainingHistory, TrainingObserver } from "@mmgen/training";
import { checkFields } from "../model/check-arguments.js";
import { continueTransformer, type KnownTransformer } from "./continue-transformer.js";
import { transformerMetrics } from "./evaluation-metrics.js";
import { observersOf, runStage, type StageOptions, stageFields } from "./run-stage.js";

/** A transformer's configuration but for what the tokenizer says: its vocabulary and the length of its sequences. */
export type TransformerOptions = Omit<TinyTransformerOptions, "vocabularySize" | "contextLength">;

/** Options of {@link trainTransformer}. */
export interface TrainTransformerOptions extends StageOptions<TinyTransformer> {
  /** Width, heads, layers and the like. */
  readonly model: TransformerOptions;
  /** Begins with what this one knows, rather than with random weights alone. Default: none. */
  readonly from?: KnownTransformer | undefined;
  /** Says how many ids there are and how many a sequence has. */
  readonly tokenizer: Pick<MultimodalTokenizer, "vocabularySize" | "sequenceLength">;
  /** Sequences to train on, such as `mixedOrderExamples` or `diffusionExamples` makes. */
  readonly examples: ExampleSource<TransformerBatch>;
  /**
   * Metrics on held-out sequences, before training and after each epoch; early stopping watches their `natsPerId` unless it
   * names another. Default: no evaluation.
   */
  readonly evaluate?: ((transformer: TinyTransformer, epoch: number) => Promise<Metrics>) | undefined;
  /** Hands out the model as it is after some of the steps, to be kept. Default: none. */
  readonly keep?: KeptSteps | undefined;
}

/** Steps after which the model as it then is is wanted. */
export interface KeptSteps {
  readonly steps: readonly number[];
  /** Called with the model, which is borrowed and trains on afterwards; awaited. */
  readonly write: (transformer: TinyTransformer, step: number) => Promise<void>;
}

/** A trained transformer. */
export interface TransformerTraining {
  /** Yours to dispose. */
  readonly transformer: TinyTransformer;
  /** Each step's loss in nats per id, and each epoch's metrics. */
  readonly history: TrainingHistory;
}

/**
 * Trains a transformer on sequences of image codes and words, or goes on from its checkpoint.
 *
 * @throws a `ConfigError` when the configuration cannot be.
 * @throws an `AbortedError` when the signal fires; the checkpoint is then written.
 */
export async function trainTransformer(options: TrainTransformerOptions): Promise<TransformerTraining> {
  checkFields("trainTransformer", options, [
    ...stageFields,
    ...["model", "from", "tokenizer", "examples", "evaluate", "keep"],
  ]);
  const { evaluate, from, keep, model, tokenizer } = options;
  const random = Random.fromSeed(options.seed).fork("transformer");
  const transformer = TinyTransformer.create(transformerConfig(model, tokenizer), { random: random.fork("weights") });
  if (from !== undefined) {
    try {
      continueTransformer(transformer, from);
    } catch (error) {
      transformer.dispose();
      throw error;
    }
  }
  const history = await runStage({
    ...{ ...options, label: "transformer", model: transformer },
    random: random.fork("training"),
    evaluate: evaluate && (({ epoch }) => evaluate(transformer, epoch)),
    stoppingMetric: transformerMetrics.autoregressive[0],
    observers: [...observersOf(options.observers, transformer), ...(keep ? [keeper(transformer, keep)] : [])],
  });
  return { transformer, history };
}

/** The whole configuration of a transformer over a tokenizer's sequences. */
export function transformerConfig(
  model: TransformerOptions,
  { vocabularySize, sequenceLength }: TrainTransformerOptions["tokenizer"],
): TinyTransformerOptions {
  return { vocabularySize, contextLength: sequenceLength, ...model };
}

function keeper(transformer: TinyTransformer, { steps, write }: KeptSteps): TrainingObserver {
  const wanted = new Set(steps);
  return { onStep: ({ step }) => (wanted.has(step) ? write(transformer, step) : undefined) };
}
