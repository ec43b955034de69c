import type { SequenceModels } from "@mmgen/example-common";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import type { RunCheckpoints } from "./checkpoints.js";
import { firstPairs, type LetterPairs } from "./letters.js";
import { lineFigures, lineLikelihood } from "./line-likelihood.js";
import { commonMistakes, type Reading, scoreReading } from "./read-digits.js";
import type { CheckpointAccuracy, RunMetrics } from "./run-metrics.js";

/** Options of {@link evaluateLines}. */
export interface EvaluateLinesOptions {
  readonly tokenizer: MultimodalTokenizer;
  readonly checkpoints: RunCheckpoints;
  /** Steps whose models are evaluated; the last is the run's. */
  readonly steps: readonly number[];
  readonly heldOut: LetterPairs;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Called with each checkpoint's model while it is loaded. */
  readonly onModel?: (models: SequenceModels, step: number) => Promise<void>;
}

/** What is measured of a run's models, whatever their letters came from. */
export type LineEvaluation = Pick<RunMetrics, "accuracies" | "reading" | "mistakes" | "sampledReading" | "likelihood">;

/** How many images the published accuracy is of, and at which temperature their digits were drawn. */
const published = { count: 1000, temperature: 0.8 };

/** Reads the held-out images with every checkpoint, and looks closer at the last. */
export async function evaluateLines(options: EvaluateLinesOptions): Promise<LineEvaluation> {
  const { checkpoints, heldOut, seed, signal, steps, tokenizer } = options;
  const accuracies: CheckpointAccuracy[] = [];
  let last: Omit<LineEvaluation, "accuracies"> | undefined;
  for (const [i, step] of steps.entries()) {
    using transformer = await checkpoints.load(`transformer-${step}`, TinyTransformer.fromSafetensors);
    const models = { tokenizer, transformer };
    const reading = await scoreReading(models, heldOut, { seed, temperature: 0, signal });
    accuracies.push({ step, right: reading.right, count: reading.count });
    await options.onModel?.(models, step);
    if (i === steps.length - 1) {
      last = await lookCloser(options, models, reading);
    }
  }
  return { accuracies, ...last! };
}

async function lookCloser(
  { heldOut, seed, signal, tokenizer }: EvaluateLinesOptions,
  models: SequenceModels,
  reading: Reading,
): Promise<Omit<LineEvaluation, "accuracies">> {
  const { temperature } = published;
  const sampled = await scoreReading(models, firstPairs(heldOut, published.count), { seed, temperature, signal });
  const figures = await lineFigures(models.transformer, tokenizer, heldOut, signal);
  return {
    reading,
    mistakes: commonMistakes(reading),
    sampledReading: { right: sampled.right, count: sampled.count },
    likelihood: lineLikelihood(figures, tokenizer.sequenceLength),
  };
}
