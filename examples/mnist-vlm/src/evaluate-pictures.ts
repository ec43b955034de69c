import type { ImageBatch } from "@mmgen/core";
import type { LabelledImages } from "@mmgen/datasets";
import { codeUsage, type TrainedModels, trainReader } from "@mmgen/example-common";
import { attributeAgreement } from "@mmgen/training";
import { reconstructionFigures } from "@mmgen/vqvae";
import { command } from "./checkpoints.js";
import { type DrawingFigures, drawAllDigits, judgeDrawn } from "./draw-digits.js";
import { evaluateLines, type LineEvaluation } from "./evaluate.js";
import type { LetterPairs } from "./letters.js";
import { writeGenerated } from "./pictures.js";
import type { RunPictures } from "./report.js";
import type { PictureFigures } from "./run-metrics.js";
import type { Run } from "./run-stages.js";
import { checkpointSteps } from "./train-lines.js";

/** What a run from pictures is evaluated with. */
export interface EvaluatePicturesOptions extends Pick<TrainedModels, "vqvae" | "tokenizer"> {
  /** Real pictures for the judge to learn from. */
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  /** The test pictures as letters. */
  readonly testPairs: LetterPairs;
}

/** What it came to. */
export interface PictureEvaluation {
  readonly lines: LineEvaluation;
  readonly figures: PictureFigures;
  /** The test pictures after their letters. */
  readonly reconstruction: ImageBatch;
  /** What each checkpoint draws. */
  readonly generated: NonNullable<RunPictures["generated"]>;
}

/** Has every checkpoint read the test pictures and draw all digits, and a judge read what was drawn. */
export async function evaluatePictures(
  { checkpoints, narrator, settings, signal, write }: Run,
  { vqvae, tokenizer, train, test, testPairs }: EvaluatePicturesOptions,
): Promise<PictureEvaluation> {
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
      ...reconstructionFigures(test.images, reconstruction),
      perplexity: usage.perplexity(),
      codesUsed: usage.share(),
    },
    classifier: { onTestImages: await judged(test.images), onReconstructions: await judged(reconstruction) },
    drawn: drawn!,
  };
  return { lines, figures, reconstruction, generated };
}
