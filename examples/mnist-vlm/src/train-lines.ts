import { type TransformerTraining, trainTransformer } from "@mmgen/example-common";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { TransformerOptions } from "@mmgen/tiny-transformer";
import type { TrainingObserver } from "@mmgen/training";
import type { RunCheckpoints } from "./checkpoints.js";
import type { VlmConfig } from "./config.js";
import { firstPairs, type LetterPairs } from "./letters.js";
import { lineExamples } from "./line-batches.js";
import { lineFigures, meanNats } from "./line-likelihood.js";
import { trainingCourse } from "./training-course.js";

/** Held-out pairs that the per-epoch figures are taken from; the final figures use all. */
const epochPairs = 500;

/** Options of {@link trainLines}. */
export interface TrainLinesOptions {
  readonly config: VlmConfig["transformer"];
  readonly tokenizer: MultimodalTokenizer;
  readonly train: LetterPairs;
  readonly validation: LetterPairs;
  readonly seed: number;
  readonly checkpoints: RunCheckpoints;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/**
 * Trains the GPT on lines, or goes on with it; keeps it after the steps that the configuration names.
 *
 * @throws an `AbortedError` when the signal fires; the state to resume from is then written.
 */
export async function trainLines(options: TrainLinesOptions): Promise<TransformerTraining> {
  const { checkpoints, config, seed, signal, tokenizer } = options;
  const held = firstPairs(options.validation, epochPairs);
  const kept = new Set(checkpointSteps(config));
  const training = await trainTransformer({
    ...trainingCourse(options, config, checkpoints.file("transformerTraining")),
    model: transformerModel(config, tokenizer),
    examples: lineExamples({ tokenizer, pairs: options.train, config, seed }),
    steps: config.steps,
    evaluate: async (transformer) => {
      const figures = await lineFigures(transformer, tokenizer, held, signal);
      return {
        natsPerCharacter: meanNats(figures),
        drawing: figures.drawing.natsPerDim,
        reading: figures.reading.natsPerDim,
      };
    },
    watch: (transformer) => ({
      onStep: async ({ step }) => {
        if (kept.has(step)) {
          await checkpoints.write(`transformer-${step}`, await transformer.toSafetensors());
        }
      },
    }),
  });
  await checkpoints.write("transformer", await training.transformer.toSafetensors());
  return training;
}

/** What a GPT over a tokenizer's lines is made of. */
export function transformerModel(config: VlmConfig["transformer"], tokenizer: MultimodalTokenizer): TransformerOptions {
  const { width, heads, layers, dropout, tiedWeights, bias } = config;
  return {
    vocabularySize: tokenizer.vocabularySize,
    contextLength: tokenizer.sequenceLength,
    ...{ width, heads, layers, dropout, tiedWeights, bias },
  };
}

/** Steps after which the model is kept, in order, the last among them. */
export function checkpointSteps({ checkpoints, steps }: VlmConfig["transformer"]): number[] {
  return [...new Set([...checkpoints.filter((step) => step < steps), steps])].sort((a, b) => a - b);
}
