import type { ImageBatch } from "@mmgen/core";
import type { LabeledImages } from "@mmgen/datasets";
import { attributeAgreement, reconstructionMetrics } from "@mmgen/evaluation";
import { codeUsage, type TrainedModels, trainReader } from "@mmgen/example-common";
import { command } from "./checkpoints.js";
import { type DrawingFigures, drawAllDigits, judgeDrawn } from "./draw-digits.js";
import { evaluateLines, type LineEvaluation } from "./evaluate.js";
import { writeGenerated } from "./images.js";
import type { LetterPairs } from "./letters.js";
import type { RunImages } from "./report.js";
import type { ImageFigures } from "./run-metrics.js";
import type { Run } from "./run-stages.js";
import { checkpointSteps } from "./train-lines.js";

/** What a run from images is evaluated with. */
export interface EvaluateImagesOptions extends Pick<TrainedModels, "vqvae" | "tokenizer"> {
  /** Real images for the judge to learn from. */
  readonly train: LabeledImages;
  readonly test: LabeledImages;
  /** The test images as letters. */
  readonly testPairs: LetterPairs;
}

/** What it came to. */
export interface ImageEvaluation {
  readonly lines: LineEvaluation;
  readonly figures: ImageFigures;
  /** The test images after their letters. */
  readonly reconstruction: ImageBatch;
  /** What each checkpoint draws. */
  readonly generated: NonNullable<RunImages["generated"]>;
}

/** Has every checkpoint read the test images and draw all digits, and a judge read what was drawn. */
export async function evaluateImages(
  { checkpoints, narrator, settings, signal, write }: Run,
  { vqvae, tokenizer, train, test, testPairs }: EvaluateImagesOptions,
): Promise<ImageEvaluation> {
  const { config, seed } = settings;
  const { classifierSteps, drawnPerDigit, shownPerDigit } = config.evaluation;
  using judge = await trainReader({
    attributes: [{ name: "digit", classes: 10 }],
    images: train.images,
    labels: { digit: train.labels },
    steps: classifierSteps,
    observers: narrator.observers("classifier"),
    ...{ seed, signal, command },
  });
  const sampling = { seed, ...config.sampling, signal };
  const generated: { step: number; image: Uint8Array }[] = [];
  const steps = checkpointSteps(config.transformer);
  let drawn: DrawingFigures | undefined;
  const lines = await evaluateLines({
    ...{ tokenizer, checkpoints, steps, heldOut: testPairs, seed, signal },
    onModel: async (models, step) => {
      const shown = await drawAllDigits({ ...models, vqvae }, shownPerDigit, sampling);
      generated.push({ step, image: await writeGenerated(write, step, shown, await judgeDrawn(judge, shown)) });
      if (step === steps.at(-1)) {
        drawn = await judgeDrawn(judge, await drawAllDigits({ ...models, vqvae }, drawnPerDigit, sampling));
      }
    },
  });
  const reconstruction = await vqvae.decode(testPairs.codes);
  const judged = async (images: ImageBatch) =>
    attributeAgreement({ digit: test.labels }, await judge.predict(images)).accuracy.digit;
  const usage = codeUsage(vqvae, testPairs.codes);
  const figures = {
    tokenizer: {
      ...reconstructionMetrics(test.images, reconstruction),
      perplexity: usage.perplexity(),
      codesUsed: usage.share(),
    },
    classifier: { onTestImages: await judged(test.images), onReconstructions: await judged(reconstruction) },
    drawn: drawn!,
  };
  return { lines, figures, reconstruction, generated };
}
