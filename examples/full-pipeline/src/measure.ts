import { type CodeBatch, type ImageBatch, sliceImages } from "@mmgen/core";
import {
  type AttributeAgreement,
  type AttributeClassifier,
  type AttributeLabels,
  type AttributeScore,
  attributeAgreement,
  attributeScores,
} from "@mmgen/evaluation";
import type { RunContext } from "@mmgen/example-harness";
import type { TrainingHistory } from "@mmgen/training";
import type { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { type FamilyParts, type ImageCodecMetrics, imageCodecMetrics, type PairScore, type Pairs } from "mmgen";
import type { RunConfig, RunSettings } from "./config.js";
import { type AttributeName, type CaptionedSet, firstOf, type RunDataset, type SetAttributes } from "./data.js";
import { type GenerationTiming, methodsOf, timeGeneration } from "./generate.js";

/** Samples of each kind that are shown. */
const shown = 9;

/** What {@link evaluateModels} works with. */
export interface EvaluationOptions {
  readonly models: FamilyParts;
  /** Trained on real images alone; undefined where the images have no attributes. */
  readonly classifier: AttributeClassifier<AttributeName> | undefined;
  /** What captions say; undefined where it is not known. */
  readonly attributes: SetAttributes | undefined;
  /** Pairs that no model was trained on. */
  readonly test: CaptionedSet;
  /** The test images' codes. */
  readonly codes: CodeBatch;
  readonly config: RunConfig;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Metrics of trained models. */
export interface ModelMetrics {
  readonly vqvae: ImageCodecMetrics;
  readonly likelihood: PairScore;
  /** Where the data has attributes. */
  readonly attributes?: AttributeMetrics | undefined;
  readonly invention: InventionMetrics;
  readonly timing: GenerationTiming;
}

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends ModelMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  /** What is to be said beside the images. */
  readonly attribution?: string | undefined;
  readonly backend: string;
  /** Codes of an image, and rows of a codebook. */
  readonly codes: { readonly count: number; readonly codebookSize: number };
  /** Whether the run went on from what an earlier process had left. */
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Training examples a second, evaluations left out. */
  readonly throughput: { readonly vqvae?: number; readonly transformer: number };
  /** Tensors alive at the end, models included. */
  readonly tensors: number;
  readonly histories: {
    /** Absent where the image tokenizer is another run's. */
    readonly vqvae?: TrainingHistory;
    /** Where the image tokenizer was trained twice. */
    readonly refinement?: TrainingHistory;
    readonly transformer: TrainingHistory;
  };
}

/** How often attributes are right, by the way images or captions came about. */
export interface AttributeMetrics {
  /** The classifier on real test images: the ceiling of what it can certify. */
  readonly classifierOnTestImages: AttributeAgreement<AttributeName>;
  /** The classifier on reconstructed test images: the ceiling of what the codes can show. */
  readonly reconstructions: AttributeAgreement<AttributeName>;
  readonly textToImage: AttributeAgreement<AttributeName>;
  readonly imageToText: AttributeAgreement<AttributeName>;
  readonly unconditional: AttributeAgreement<AttributeName>;
  /** Share of the commonest value of each attribute: what always drawing it would score. */
  readonly commonest?: Readonly<Record<AttributeName, number>> | undefined;
}

/** A few samples to show, each with whether it is right, and the readings of all of them where there are attributes. */
export interface ShownSamples {
  readonly images: ImageBatch;
  readonly captions: readonly string[];
  readonly marks?: readonly boolean[] | undefined;
  readonly readings?: Readings | undefined;
}

/** Samples of the three ways to generate. */
export interface Samples {
  readonly textToImage: ShownSamples;
  readonly imageToText: ShownSamples;
  readonly unconditional: ShownSamples;
}

/** Measures trained models on pairs they have not seen: reconstruction, likelihood, and generated samples. */
export async function evaluateModels(options: EvaluationOptions): Promise<{ metrics: ModelMetrics; samples: Samples }> {
  const { attributes, classifier, codes, config, models, seed, signal, test } = options;
  const part = firstOf(test, config.evaluation.samples);
  const methods = methodsOf(models, config);
  const drawn = await methods.draw(part.captions, { seed, signal });
  const written = await methods.caption(part.images, { seed, signal });
  const invented = await methods.invent(part.images.count, { seed, signal });
  const read = async (asked: AttributeLabels<AttributeName> | undefined, images: ImageBatch) =>
    classifier && asked && compareLabels(asked, await classifier.predict(images), attributes!);
  const saidOf = (captions: readonly string[]) => (test.labels ? attributes?.read(captions) : undefined);
  const said = saidOf(written);
  const readings = {
    textToImage: await read(part.labels, drawn),
    imageToText: part.labels && said && compareLabels(part.labels, said, attributes!),
    unconditional: await read(saidOf(invented.captions), invented.images),
  };
  const metrics = {
    vqvae: await imageCodecMetrics(models.vqvae, test.images, codes),
    likelihood: await methods.score({ codes, captions: test.captions, pixels: pixelsOf(test.images) }, { signal }),
    ...(classifier && {
      attributes: {
        classifierOnTestImages: (await read(test.labels, test.images))!.agreement,
        reconstructions: (await read(part.labels, await models.vqvae.reconstruct(part.images)))!.agreement,
        textToImage: readings.textToImage!.agreement,
        imageToText: readings.imageToText!.agreement,
        unconditional: readings.unconditional!.agreement,
        commonest: readings.textToImage!.commonest,
      },
    }),
    invention: inventionMetrics(invented, readings.unconditional?.asked.digit),
    timing: await timeGeneration(models, signal),
  };
  const samples = {
    textToImage: show({ images: drawn, captions: part.captions }, readings.textToImage),
    imageToText: show({ images: part.images, captions: written }, readings.imageToText),
    unconditional: show(invented, readings.unconditional),
  };
  return { metrics, samples };
}

function pixelsOf({ height, width }: ImageBatch): number {
  return height * width;
}

function show({ images, captions }: CaptionedSet, readings: Readings | undefined): ShownSamples {
  return {
    images: sliceImages(images, 0, Math.min(shown, images.count)),
    captions: captions.slice(0, shown),
    marks: readings && markRows(readings).slice(0, shown),
    readings,
  };
}

/** Which rows agree in every attribute. */
function markRows({ asked, found }: Readings): boolean[] {
  const names = Object.keys(asked);
  return Array.from(asked[names[0]!]!, (_, row) => names.every((name) => asked[name]![row] === found[name]![row]));
}

/** How varied invented pairs are. */
export interface InventionMetrics {
  readonly count: number;
  /** Digits of the ten that captions name; of digits alone. */
  readonly digits?: number | undefined;
  /** Distinct words that captions use. */
  readonly words: number;
  /** Share of the images whose codes no image before had. */
  readonly distinct: number;
}

/**
 * Counts what invented pairs have in them.
 *
 * @param digits - What each caption names, −1 where it names none; of digits alone.
 */
export function inventionMetrics(
  { captions, codes }: Pick<Pairs, "captions" | "codes">,
  digits?: ArrayLike<number>,
): InventionMetrics {
  const size = codes.height * codes.width;
  const sequences = new Set(
    Array.from({ length: codes.count }, (_, row) => codes.data.subarray(row * size, (row + 1) * size).join()),
  );
  return {
    count: captions.length,
    ...(digits && { digits: new Set(Array.from(digits).filter((digit) => digit >= 0)).size }),
    words: new Set(captions.flatMap((caption) => caption.split(" "))).size,
    distinct: sequences.size / codes.count,
  };
}

/** Attributes asked for, attributes found, and how often they agree. */
export interface Readings {
  readonly asked: AttributeLabels<AttributeName>;
  readonly found: AttributeLabels<AttributeName>;
  /** Of images of many colors each accuracy is a mean over the attribute's values, so that rare ones count. */
  readonly agreement: AttributeAgreement<AttributeName>;
  /** Share of the commonest value of each attribute among what was asked for. */
  readonly commonest?: Readonly<Record<AttributeName, number>>;
}

/** Compares what was asked for with what was found. */
export function compareLabels(
  asked: AttributeLabels<AttributeName>,
  found: AttributeLabels<AttributeName>,
  { classes, trunk }: SetAttributes,
): Readings {
  const agreement = attributeAgreement(asked, found);
  const { count } = agreement;
  const names = Object.keys(classes);
  const label = (i: number) => asked[names[i % names.length]!]![Math.floor(i / names.length)]!;
  const labels = Int32Array.from({ length: count * names.length }, (_, i) => label(i));
  if (trunk === "digits" || labels.every((each) => each < 0)) {
    return { asked, found, agreement };
  }
  const table = { count, labels, attributes: names.map((name) => ({ name, values: classes[name]! })) };
  const { allRight, attributes } = attributeScores(table, found);
  const each = (value: (score: AttributeScore) => number) =>
    Object.fromEntries(attributes.map((score) => [score.name, value(score)]));
  return {
    ...{ asked, found, agreement: { count, accuracy: each(({ balanced }) => balanced), allRight } },
    commonest: each(({ commonest }) => commonest),
  };
}

/** What {@link describeRun} takes beside the run. */
export interface RunParts extends Pick<RunMetrics, "histories"> {
  readonly data: RunDataset;
  readonly vqvae: VqVae;
  readonly metrics: ModelMetrics;
}

/** All that is known of a run at its end. */
export function describeRun(run: RunContext<RunSettings>, { data, histories, metrics, vqvae }: RunParts): RunMetrics {
  const { backend, progress, resume: resumed, settings } = run;
  const { height, width } = vqvae.codeGrid;
  progress.endStage();
  return {
    ...{ settings, source: data.source, attribution: data.attribution, backend, ...metrics },
    codes: { count: height * width, codebookSize: vqvae.codeLayout.codebookSize },
    tensors: tf.memory().numTensors,
    throughput: {
      ...(histories.vqvae && { vqvae: throughput(histories.vqvae, settings.config.vqvae.batchSize) }),
      transformer: throughput(histories.transformer, settings.config.transformer.batchSize),
    },
    ...{ resumed, seconds: progress.seconds, histories },
  };
}

/** Examples a second of a run's training steps, its slow first steps included. */
function throughput(history: TrainingHistory, batchSize: number): number {
  const seconds = history.steps.reduce((sum, step) => sum + step.seconds, 0);
  return (history.steps.length * batchSize) / seconds;
}
