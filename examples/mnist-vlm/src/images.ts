import { join } from "node:path";
import { type ImageBatch, sliceImages } from "@mmgen/core";
import { percent, type RunFolders } from "@mmgen/example-common";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import {
  accuracyChart,
  type CurvePanel,
  confusionMatrix,
  embeddingPlot,
  imageRows,
  reconstructionGrid,
  sequenceLogos,
  trainingCurves,
} from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import type { TrainingHistory } from "@mmgen/training";
import type { DrawingFigures } from "./draw-digits.js";
import type { LineEvaluation } from "./evaluate.js";
import { alphabetOf, digitNames, type LetterPairs, letterCounts } from "./letters.js";
import { isOfMnist, publishedFigures } from "./published-figures.js";
import type { RunMetrics } from "./run-metrics.js";

/** Writes an SVG into the results as `name.png`, and gives the PNG's bytes. */
export type WriteImage = (name: string, svg: string) => Promise<Uint8Array>;

export function imageWriter(folders: RunFolders): WriteImage {
  return (name, svg) => writePng(join(folders.results, `${name}.png`), svg);
}

/** Images of what was measured on lines: every run has them. */
export async function writeLineImages(
  write: WriteImage,
  evaluation: LineEvaluation,
  { evaluatedOn, histories, source }: Pick<RunMetrics, "evaluatedOn" | "histories" | "source">,
): Promise<{ readonly accuracy: Uint8Array; readonly confusion: Uint8Array; readonly curves: Uint8Array }> {
  const { accuracies, reading } = evaluation;
  const publishedAccuracy = { label: `published, ${publishedFigures.readRight}`, share: publishedFigures.readRight };
  return {
    accuracy: await write(
      "prediction_accuracy",
      accuracyChart({
        points: accuracies.map(({ step, right, count }) => ({ step, correct: right, count })),
        references: isOfMnist({ source }) ? [publishedAccuracy] : [],
        title: "Digits read right, by checkpoint",
        subtitle: `${reading.count} ${evaluatedOn}, ± 1.96 standard errors`,
        xLabel: "training step",
      }),
    ),
    confusion: await write(
      "confusion",
      confusionMatrix({
        counts: reading.confusion,
        labels: digitNames,
        rowTitle: "shown",
        columnTitle: "read as",
        title: "What is taken for what",
        subtitle: `${percent(reading.right / reading.count)} of ${reading.count} ${evaluatedOn} right; per cent of each row`,
      }),
    ),
    curves: await write("training_curves", trainingCurves({ title: "Training", panels: panelsOf(histories) })),
  };
}

/** Sequence logos of the letters by digit. */
export function writeLogos(write: WriteImage, tokenizer: MultimodalTokenizer, pairs: LetterPairs): Promise<Uint8Array> {
  const groups = letterCounts(tokenizer, pairs).map((counts, digit) => ({ label: `digit ${digit}`, counts }));
  return write(
    "image_token_logos",
    sequenceLogos({
      groups,
      alphabet: alphabetOf(tokenizer).join(""),
      title: "The letters of each digit",
      subtitle: `${pairs.captions.length} training images; a letter is as high as its share at its place`,
    }),
  );
}

/** Test images above what is left of them after their letters. */
export function writeReconstructions(
  write: WriteImage,
  original: ImageBatch,
  reconstruction: ImageBatch,
): Promise<Uint8Array> {
  const shown = Math.min(20, original.count);
  return write(
    "reconstructions",
    reconstructionGrid({
      original: sliceImages(original, 0, shown),
      reconstruction: sliceImages(reconstruction, 0, shown),
      subtitle: "test images, and what is left of them after their eight letters",
    }),
  );
}

/** Latents in the plane, by digit. */
export function writeLatents(write: WriteImage, positions: readonly number[], labels: Uint8Array): Promise<Uint8Array> {
  const count = positions.length / 2;
  return write(
    "latents",
    embeddingPlot({
      positions,
      classes: labels.subarray(0, count),
      classNames: digitNames,
      title: "Latents by digit",
      subtitle: `${count} test images before their letters are chosen, laid out by UMAP; it saw no digit's name`,
    }),
  );
}

/** Every digit drawn several times, a row each, by the model after so many steps. */
export function writeGenerated(
  write: WriteImage,
  step: number,
  drawn: ImageBatch,
  { right, count }: DrawingFigures,
): Promise<Uint8Array> {
  const each = drawn.count / digitNames.length;
  return write(
    `generated_${step}`,
    imageRows({
      rows: digitNames.map((label, digit) => ({ label, images: sliceImages(drawn, digit * each, (digit + 1) * each) })),
      columns: each,
      scale: 2,
      title: `Drawn after ${step} steps`,
      subtitle: `${right} of ${count} are read as asked`,
    }),
  );
}

function panelsOf({ tokenizer, transformer }: RunMetrics["histories"]): CurvePanel[] {
  const reconstruction: CurvePanel[] = tokenizer
    ? [
        {
          title: "Letters",
          yLabel: "squared error on [0, 1]",
          series: [
            { label: "train", style: "steps", ...byStep(tokenizer, ({ metrics }) => metrics.reconstruction!) },
            { label: "validation", style: "points", ...byEpoch(tokenizer, "meanSquaredError") },
          ],
          learningRate: byStep(tokenizer, ({ learningRate }) => learningRate),
          scale: "log",
        },
      ]
    : [];
  return [
    ...reconstruction,
    {
      title: "Lines",
      yLabel: "nats a character, validation",
      series: [
        { label: "drawing", style: "points", ...byEpoch(transformer, "drawing") },
        { label: "reading", style: "points", ...byEpoch(transformer, "reading") },
      ],
      learningRate: byStep(transformer, ({ learningRate }) => learningRate),
    },
  ];
}

function byStep({ steps }: TrainingHistory, value: (record: TrainingHistory["steps"][number]) => number) {
  return { x: steps.map(({ step }) => step), y: steps.map(value) };
}

function byEpoch({ epochs }: TrainingHistory, name: string) {
  return { x: epochs.map(({ step }) => step), y: epochs.map(({ metrics }) => metrics[name]!) };
}
