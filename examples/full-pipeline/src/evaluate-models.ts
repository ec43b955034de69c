import type { CodeBatch } from "@mmgen/core";
import type { CaptionedDigits } from "@mmgen/datasets";
import type { AttributeClassifier } from "@mmgen/evaluation";
import { type TokenizerFigures, type TrainedModels, tokenizerFigures } from "@mmgen/example-common";
import type { AttributeName } from "./attributes.js";
import type { RunConfig } from "./config.js";
import { timeGeneration } from "./generation-timing.js";
import { type InventionFigures, inventionFigures } from "./invention-figures.js";
import { type Judgment, judge } from "./judge.js";
import { type LikelihoodFigures, likelihood } from "./likelihood.js";
import { type AttributeFigures, attributeFigures } from "./run-metrics.js";

/** Options of {@link evaluateModels}. */
export interface EvaluationOptions {
  readonly models: TrainedModels;
  /** Trained on real images alone. */
  readonly classifier: AttributeClassifier<AttributeName>;
  /** Pairs that no model was trained on. */
  readonly test: CaptionedDigits;
  /** The test images' codes. */
  readonly codes: CodeBatch;
  readonly config: RunConfig;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** The figures of trained models. */
export interface EvaluationFigures {
  readonly tokenizer: TokenizerFigures;
  readonly likelihood: LikelihoodFigures;
  readonly attributes: AttributeFigures;
  readonly invention: InventionFigures;
  /** Milliseconds by ids generated, for several ways of generating so many rows. */
  readonly timing: Awaited<ReturnType<typeof timeGeneration>>;
}

/** Everything that is said about trained models, from the models and pairs they have not seen. */
export async function evaluateModels(
  options: EvaluationOptions,
): Promise<{ figures: EvaluationFigures; judgment: Judgment }> {
  const { codes, models, test, signal } = options;
  const { tokenizer, transformer, vqvae } = models;
  const judgment = await judge(options);
  const { invented, unconditional } = judgment;
  const tokens = {
    "text-first": tokenizer.encode({ codes, captions: test.captions, order: "text-first" }),
    "image-first": tokenizer.encode({ codes, captions: test.captions, order: "image-first" }),
  };
  const pixels = test.images.height * test.images.width;
  const figures = {
    tokenizer: await tokenizerFigures(vqvae, test.images, codes),
    likelihood: await likelihood({ transformer, tokenizer, tokens, pixels, signal }),
    attributes: attributeFigures(judgment),
    invention: inventionFigures(invented.captions, unconditional.asked.digit, invented.codes),
    timing: await timeGeneration(models, signal),
  };
  return { figures, judgment };
}
