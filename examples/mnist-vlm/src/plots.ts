import { join } from "node:path";
import { type ImageBatch, Random, sliceImages } from "@mmgen/core";
import type { LabeledImages } from "@mmgen/datasets";
import { formatPercent, type RunFolder } from "@mmgen/example-harness";
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
import type { VqVae } from "@mmgen/vqvae";
import { UMAP } from "umap-js";
import type { Drawing, LineMetrics } from "./evaluate.js";
import { alphabetOf, digitNames, type LinePairs, letterCounts } from "./lines.js";

/** A run's images as PNG bytes. */
export interface RunImages {
  readonly accuracy: Uint8Array;
  readonly confusion: Uint8Array;
  readonly curves: Uint8Array;
  readonly logos: Uint8Array;
  /** Absent where a run was given lines instead of images. */
  readonly reconstructions?: Uint8Array;
  readonly latents?: Uint8Array;
  /** By step, in order. */
  readonly generated?: readonly { readonly step: number; readonly image: Uint8Array }[];
}

/** Each model's training; a run from lines has no VQ-VAE. */
export interface RunHistories {
  readonly vqvae?: TrainingHistory;
  readonly transformer: TrainingHistory;
}

/** What the published system's write-up reports for MNIST. */
export const publishedMetrics = {
  /** Share of correct digits in the first 1000 test lines that show the image first, drawn at temperature 0.8. */
  accuracy: 0.932,
  /** Of test images on [0, 1]. */
  meanSquaredError: 0.0227,
};

/**
 * Whether a run's metrics compare with the published ones: not those of procedural digits, nor of lines, which may be of
 * any images.
 *
 * @param source - As the data set describes it: "MNIST (60000 + 10000) from …".
 */
export function isOfMnist({ source }: { readonly source: string }): boolean {
  return source.startsWith("MNIST ");
}

/** Writes an SVG into the results as `name.png`; the PNG's bytes. */
export type WriteImage = (name: string, svg: string) => Promise<Uint8Array>;

export function imageWriter(folder: Pick<RunFolder, "results">): WriteImage {
  return (name, svg) => writePng(join(folder.results, `${name}.png`), svg);
}

/** What {@link writeLineImages} shows. */
export interface LineImageOptions {
  readonly metrics: Pick<LineMetrics, "accuracies" | "classification">;
  readonly histories: RunHistories;
  readonly source: string;
  /** "test images" or "validation lines". */
  readonly evaluatedOn: string;
}

/** Writes the images that every run has: accuracy by checkpoint, confusion matrix, training curves. */
export async function writeLineImages(
  write: WriteImage,
  { evaluatedOn, histories, metrics, source }: LineImageOptions,
): Promise<Pick<RunImages, "accuracy" | "confusion" | "curves">> {
  const { accuracies, classification } = metrics;
  const { confusion: counts, correct, count } = classification;
  const published = { label: `published, ${publishedMetrics.accuracy}`, share: publishedMetrics.accuracy };
  return {
    accuracy: await write(
      "prediction_accuracy",
      accuracyChart({
        points: accuracies,
        references: isOfMnist({ source }) ? [published] : [],
        title: "Digits classified correctly, by checkpoint",
        subtitle: `${count} ${evaluatedOn}, ± 1.96 standard errors`,
        xLabel: "training step",
      }),
    ),
    confusion: await write(
      "confusion",
      confusionMatrix({
        ...{ counts, labels: digitNames, rowTitle: "shown", columnTitle: "predicted" },
        title: "Confusion matrix",
        subtitle: `${formatPercent(correct / count)} of ${count} ${evaluatedOn} correct; percent of each row`,
      }),
    ),
    curves: await write("training_curves", trainingCurves({ title: "Training", panels: panelsOf(histories) })),
  };
}

/** Writes sequence logos of the letters by digit. */
export function writeLogos(write: WriteImage, tokenizer: MultimodalTokenizer, pairs: LinePairs): Promise<Uint8Array> {
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

/** What {@link writeCodecImages} shows. */
export interface CodecImageOptions {
  readonly vqvae: VqVae;
  readonly test: LabeledImages;
  readonly reconstruction: ImageBatch;
  readonly drawings: readonly Drawing[];
  /** Test images whose latents are laid out. */
  readonly embedded: number;
  readonly seed: number;
}

/** Writes the images of a run that has a VQ-VAE: reconstructions, latents in the plane, digits drawn by checkpoint. */
export async function writeCodecImages(
  write: WriteImage,
  { drawings, embedded, reconstruction, seed, test, vqvae }: CodecImageOptions,
): Promise<Required<Pick<RunImages, "reconstructions" | "latents" | "generated">>> {
  const shown = Math.min(20, test.images.count);
  const positions = await embedLatents(vqvae, sliceImages(test.images, 0, Math.min(embedded, test.images.count)), seed);
  const generated: { step: number; image: Uint8Array }[] = [];
  for (const drawing of drawings) {
    generated.push({ step: drawing.step, image: await writeDrawing(write, drawing) });
  }
  return {
    reconstructions: await write(
      "reconstructions",
      reconstructionGrid({
        original: sliceImages(test.images, 0, shown),
        reconstruction: sliceImages(reconstruction, 0, shown),
        subtitle: "test images above, and decoded from their eight letters below",
      }),
    ),
    latents: await write(
      "latents",
      embeddingPlot({
        positions,
        classes: test.labels.subarray(0, positions.length / 2),
        classNames: digitNames,
        title: "Latents by digit",
        subtitle: `${positions.length / 2} test images before quantization, laid out by UMAP without their labels`,
      }),
    ),
    generated,
  };
}

/** Every digit drawn several times, a row each. */
function writeDrawing(write: WriteImage, { images, metrics, step }: Drawing): Promise<Uint8Array> {
  const each = images.count / digitNames.length;
  return write(
    `generated_${step}`,
    imageRows({
      rows: digitNames.map((label, digit) => ({
        label,
        images: sliceImages(images, digit * each, (digit + 1) * each),
      })),
      columns: each,
      scale: 2,
      title: `Drawn after ${step} steps`,
      subtitle: `${metrics.correct} of ${metrics.count} classified as asked`,
    }),
  );
}

/**
 * Positions of images' latents in the plane, by UMAP: `[count, 2]`.
 *
 * @see McInnes et al. 2018, https://arxiv.org/abs/1802.03426
 */
async function embedLatents(vqvae: VqVae, images: ImageBatch, seed: number): Promise<number[]> {
  const { data, count } = await vqvae.latents(images);
  const size = data.length / count;
  const vectors = Array.from({ length: count }, (_, row) => [...data.subarray(row * size, (row + 1) * size)]);
  const random = Random.fromSeed(seed).fork("embedding");
  const nNeighbors = Math.min(15, count - 1);
  const umap = new UMAP({ nNeighbors, minDist: 0.1, nEpochs: 200, random: () => random.uniform() });
  return umap.fit(vectors).flat();
}

function panelsOf({ transformer, vqvae }: RunHistories): CurvePanel[] {
  const reconstruction: CurvePanel[] = vqvae
    ? [
        {
          title: "Image tokenizer",
          yLabel: "squared error on [0, 1]",
          series: [
            { label: "train", style: "steps", ...byStep(vqvae, ({ metrics }) => metrics.reconstruction!) },
            { label: "validation", style: "points", ...byEpoch(vqvae, "meanSquaredError") },
          ],
          learningRate: byStep(vqvae, ({ learningRate }) => learningRate),
          scale: "log",
        },
      ]
    : [];
  return [
    ...reconstruction,
    {
      title: "Transformer",
      yLabel: "nats a character, validation",
      series: [
        { label: "drawing", style: "points", ...byEpoch(transformer, "drawing") },
        // Trainings that an older version began say "reading".
        { label: "classification", style: "points", ...byEpoch(transformer, "classification", "reading") },
      ],
      learningRate: byStep(transformer, ({ learningRate }) => learningRate),
    },
  ];
}

function byStep({ steps }: TrainingHistory, value: (record: TrainingHistory["steps"][number]) => number) {
  return { x: steps.map(({ step }) => step), y: steps.map(value) };
}

function byEpoch({ epochs }: TrainingHistory, name: string, olderName = name) {
  return { x: epochs.map(({ step }) => step), y: epochs.map(({ metrics }) => (metrics[name] ?? metrics[olderName])!) };
}
