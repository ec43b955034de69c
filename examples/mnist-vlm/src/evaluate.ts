import type { CodeBatch, ImageBatch } from "@mmgen/core";
import type { LabeledImages } from "@mmgen/datasets";
import {
  type AttributeClassifier,
  attributeAgreement,
  confusionCounts,
  reconstructionMetrics,
  type SequenceMetrics,
} from "@mmgen/evaluation";
import type { RunFolder } from "@mmgen/example-harness";
import { generate, rowSeeds } from "@mmgen/samplers";
import {
  codeUsage,
  drawImages,
  firstPairs,
  type GenerationOptions,
  type ImageCodecMetrics,
  type ModelParts,
  orderMetrics,
  type SequenceModels,
} from "mmgen";
import type { VlmConfig } from "./config.js";
import { digitNames, type LineCodec, type LinePairs, loadCheckpoint } from "./lines.js";

/** How often digits are named correctly. */
export interface Classification {
  readonly count: number;
  readonly correct: number;
  /** How often each digit was taken for each, `[10][10]`: a row for each digit shown, a column for each predicted. */
  readonly confusion: readonly (readonly number[])[];
}

/** One digit taken for another. */
export interface Mistake {
  readonly shown: number;
  readonly predicted: number;
  readonly count: number;
  /** Of the images that show this digit. */
  readonly share: number;
}

/** Likelihood of lines that were not trained on, each in both orders. */
export interface LineLikelihood {
  /** Mean over the characters that count: padding does not. */
  readonly natsPerCharacter: number;
  /** The sum over a line's characters: of lines that put the digit first, and of those that put the image first. */
  readonly natsPerLine: { readonly drawing: number; readonly classification: number };
  /**
   * Counted as the published system does, over all 32 targets of a window: those of the line, its padding, which costs
   * next to nothing, and the first character of the unrelated line after it, one of two, ln 2.
   */
  readonly natsAsPublished: number;
  /** Mean nats of a letter of an image after the digit's name; chance is ln 26 = 3.26. */
  readonly natsPerLetter: number;
}

/** How often the attribute classifier finds drawn digits as asked. */
export interface DrawingMetrics {
  readonly count: number;
  readonly correct: number;
  /** Correct of each digit's, 0 to 9. */
  readonly byDigit: readonly number[];
}

/** Metrics of the transformers on lines, whatever wrote these. */
export interface LineMetrics {
  /** Digits classified correctly, by checkpoint. */
  readonly accuracies: readonly { readonly step: number; readonly correct: number; readonly count: number }[];
  /** The last checkpoint's, taking the likeliest of the ten digits. */
  readonly classification: Classification;
  readonly mistakes: readonly Mistake[];
  /** As published: the first 1000, digits drawn at temperature 0.8. */
  readonly sampledClassification: Pick<Classification, "correct" | "count">;
  readonly likelihood: LineLikelihood;
}

/** Metrics of the VQ-VAE and of drawn images. */
export interface ImageMetrics {
  readonly vqvae: ImageCodecMetrics;
  /** Accuracy of the classifier that scores drawn images, on real test images and on their reconstructions. */
  readonly classifier: { readonly onTestImages: number; readonly onReconstructions: number };
  readonly drawn: DrawingMetrics;
}

/** What a checkpoint drew: every digit several times, digit by digit. */
export interface Drawing {
  readonly step: number;
  readonly images: ImageBatch;
  readonly metrics: DrawingMetrics;
}

/** A run's checkpoints and what its evaluation needs. */
export interface Evaluation extends LineCodec {
  readonly folder: Pick<RunFolder, "load">;
  /** Steps whose models are evaluated; the last is the run's. */
  readonly steps: readonly number[];
  readonly heldOut: LinePairs;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** The published accuracy is of this many images, their digits drawn at this temperature. */
const published = { count: 1000, temperature: 0.8 };

/**
 * Classifies the held-out images with every checkpoint, and measures the last one in full.
 *
 * @param onModel - Called with each checkpoint's model while it is loaded.
 */
export async function evaluateLines(
  { folder, heldOut, seed, signal, steps, ...codec }: Evaluation,
  onModel?: (models: SequenceModels, step: number) => Promise<void>,
): Promise<LineMetrics> {
  const { tokenizer } = codec;
  const accuracies: LineMetrics["accuracies"][number][] = [];
  let last: Omit<LineMetrics, "accuracies"> | undefined;
  for (const step of steps) {
    using transformer = await loadCheckpoint(folder, step, codec);
    const models = { tokenizer, transformer };
    const classification = await classify(models, heldOut, { seed, temperature: 0, signal });
    accuracies.push({ step, correct: classification.correct, count: classification.count });
    await onModel?.(models, step);
    if (step === steps.at(-1)) {
      const sampling = { seed, temperature: published.temperature, signal };
      const { correct, count } = await classify(models, firstPairs(heldOut, published.count), sampling);
      last = {
        classification,
        mistakes: commonMistakes(classification),
        sampledClassification: { correct, count },
        likelihood: lineLikelihood(await lineMetrics(models, heldOut, signal), tokenizer.sequenceLength),
      };
    }
  }
  return { accuracies, ...last! };
}

/** Models and real images that {@link evaluateImages} works with. */
export interface ImageEvaluation extends Evaluation {
  readonly vqvae: ModelParts["vqvae"];
  readonly config: VlmConfig;
  /** Trained on real images alone. */
  readonly classifier: AttributeClassifier<"digit">;
  /** The images of `heldOut`. */
  readonly test: LabeledImages;
}

/** As {@link evaluateLines}, and has every checkpoint draw all digits and a classifier score what was drawn. */
export async function evaluateImages(evaluation: ImageEvaluation): Promise<{
  readonly lines: LineMetrics;
  readonly images: ImageMetrics;
  readonly reconstruction: ImageBatch;
  readonly drawings: readonly Drawing[];
}> {
  const { classifier, config, heldOut, seed, signal, steps, test, vqvae } = evaluation;
  const sampling = { seed, ...config.sampling, signal };
  const drawings: Drawing[] = [];
  let drawn: DrawingMetrics | undefined;
  const lines = await evaluateLines(evaluation, async (models, step) => {
    const images = await drawDigits({ ...models, vqvae }, config.evaluation.shownPerDigit, sampling);
    drawings.push({ step, images, metrics: await scoreDrawings(classifier, images) });
    if (step === steps.at(-1)) {
      const scored = await drawDigits({ ...models, vqvae }, config.evaluation.drawnPerDigit, sampling);
      drawn = await scoreDrawings(classifier, scored);
    }
  });
  const reconstruction = await vqvae.decode(heldOut.codes);
  const accuracyOn = async (images: ImageBatch) =>
    attributeAgreement({ digit: test.labels }, await classifier.predict(images)).accuracy.digit;
  const usage = codeUsage(vqvae, heldOut.codes);
  const images = {
    vqvae: {
      ...reconstructionMetrics(test.images, reconstruction),
      ...{ perplexity: usage.perplexity(), codesUsed: usage.share() },
    },
    classifier: { onTestImages: await accuracyOn(test.images), onReconstructions: await accuracyOn(reconstruction) },
    drawn: drawn!,
  };
  return { lines, images, reconstruction, drawings };
}

/** How digits are drawn from the model's distribution: at temperature 0 the likeliest of the ten. */
type ClassifyOptions = Pick<GenerationOptions, "signal"> & { readonly seed: number; readonly temperature: number };

/** Images classified at once. */
const rowsAtOnce = 500;

/** The digit of each image: what follows `image:ABCDEFGH, number:`, of the ten that may. */
export async function classifyDigits(
  { tokenizer, transformer: model }: SequenceModels,
  codes: CodeBatch,
  { seed, temperature, signal }: ClassifyOptions,
): Promise<Int32Array> {
  const digits = new Int32Array(codes.count);
  const { data, length } = tokenizer.promptForCaptions(codes);
  const seeds = rowSeeds(seed, codes.count);
  const grammar = tokenizer.grammar();
  for (let start = 0; start < codes.count; start += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, codes.count - start);
    const prompt = { data: data.subarray(start * length, (start + count) * length), count, length };
    const { data: ids } = await generate({
      ...{ model, prompt, grammar, steps: 1, temperature },
      seeds: seeds.subarray(start, start + count),
      ...(signal && { signal }),
    });
    for (let row = 0; row < count; row++) {
      digits[start + row] = ids[(row + 1) * (length + 1) - 1]! - tokenizer.ids.text.start;
    }
  }
  return digits;
}

async function classify(
  models: SequenceModels,
  { captions, codes }: LinePairs,
  options: ClassifyOptions,
): Promise<Classification> {
  const counts = confusionCounts(captions.map(Number), await classifyDigits(models, codes, options), 10);
  const confusion = counts.map((row) => [...row]);
  const correct = confusion.reduce((sum, row, digit) => sum + row[digit]!, 0);
  return { count: captions.length, correct, confusion };
}

/** The commonest mistakes, by their share of the digit's images. */
export function commonMistakes({ confusion }: Pick<Classification, "confusion">, limit = 8): Mistake[] {
  return confusion
    .flatMap((row, shown) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return row.map((count, predicted) => ({ shown, predicted, count, share: total > 0 ? count / total : 0 }));
    })
    .filter(({ shown, predicted, count }) => shown !== predicted && count > 0)
    .sort((a, b) => b.share - a.share || a.shown - b.shown || a.predicted - b.predicted)
    .slice(0, limit);
}

/** Metrics of the same pairs in both orders; padding does not count. */
export type OrderedLineMetrics = Readonly<Record<"drawing" | "classification", SequenceMetrics>>;

/** Runs a model over pairs, the digit first (`drawing`) and the image first; an `AbortedError` when the signal fires. */
export async function lineMetrics(
  models: SequenceModels,
  pairs: LinePairs,
  signal?: AbortSignal,
): Promise<OrderedLineMetrics> {
  const metricsOf = (order: "text-first" | "image-first") =>
    orderMetrics(models, pairs, { batchSize: 250, order, signal });
  return { drawing: await metricsOf("text-first"), classification: await metricsOf("image-first") };
}

/** Sums up the metrics of lines of `lineLength` characters, padding included. */
export function lineLikelihood(metrics: OrderedLineMetrics, lineLength: number): LineLikelihood {
  const [drawing, classification] = [metrics.drawing.natsPerSequence, metrics.classification.natsPerSequence];
  return {
    natsPerCharacter: meanNats(metrics),
    natsPerLine: { drawing, classification },
    natsAsPublished: ((drawing + classification) / 2 + Math.LN2) / lineLength,
    natsPerLetter: metrics.drawing.byModality.image!.natsPerId,
  };
}

/** Mean nats of a character; lines of both orders have equally many. */
export function meanNats({ classification, drawing }: OrderedLineMetrics): number {
  return (drawing.natsPerId + classification.natsPerId) / 2;
}

function drawDigits(models: ModelParts, each: number, sampling: GenerationOptions): Promise<ImageBatch> {
  const captions = digitNames.flatMap((name) => new Array<string>(each).fill(name));
  return drawImages(models, captions, sampling);
}

/** Scores digits that were drawn, digit by digit, equally many of each. */
async function scoreDrawings(classifier: AttributeClassifier<"digit">, drawn: ImageBatch): Promise<DrawingMetrics> {
  const each = drawn.count / digitNames.length;
  const asked = Array.from({ length: drawn.count }, (_, i) => Math.floor(i / each));
  const { digit: predicted } = await classifier.predict(drawn);
  const byDigit = confusionCounts(asked, predicted, digitNames.length).map((row, digit) => row[digit]!);
  return { count: drawn.count, correct: byDigit.reduce((sum, correct) => sum + correct, 0), byDigit };
}
