import {
  type CodeBatch,
  type ImageBatch,
  type SequenceDecoding,
  type SequenceModel,
  sliceImages,
  type TokenBatch,
} from "@mmgen/core";
import {
  type AttributeAgreement,
  type AttributeClassifier,
  type AttributeLabels,
  attributeAgreement,
} from "@mmgen/evaluation";
import { generate } from "@mmgen/samplers";
import type { TrainingHistory } from "@mmgen/training";
import {
  captionImages,
  drawImages,
  type ImageCodecMetrics,
  imageCodecMetrics,
  inventPairs,
  type ModelParts,
  type PairLikelihood,
  type Pairs,
  scorePairs,
} from "mmgen";
import type { RunConfig, RunSettings } from "./config.js";
import { type AttributeName, attributeTitles, type CaptionedSet, firstOf, labelsOfCaptions } from "./data.js";

/** Samples of each kind that are shown. */
const shown = 9;

/** What {@link evaluateModels} works with. */
export interface EvaluationOptions {
  readonly models: ModelParts;
  /** Trained on real images alone; undefined where the images have no attributes. */
  readonly classifier: AttributeClassifier<AttributeName> | undefined;
  /** Pairs that no model was trained on. */
  readonly test: CaptionedSet;
  /** The test images' codes. */
  readonly codes: CodeBatch;
  readonly config: Pick<RunConfig, "sampling" | "evaluation">;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Metrics of trained models. */
export interface ModelMetrics {
  readonly vqvae: ImageCodecMetrics;
  readonly likelihood: PairLikelihood;
  /** Of digits alone. */
  readonly attributes?: AttributeMetrics | undefined;
  readonly invention: InventionMetrics;
  readonly timing: GenerationTiming;
}

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends ModelMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  readonly backend: string;
  /** Codes of an image, and rows of a codebook. */
  readonly codes: { readonly count: number; readonly codebookSize: number };
  /** Whether the run went on from what an earlier process had left. */
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Training examples a second, evaluations left out. */
  readonly throughput: { readonly vqvae: number; readonly transformer: number };
  /** Tensors alive at the end, models included. */
  readonly tensors: number;
  readonly histories: { readonly vqvae: TrainingHistory; readonly transformer: TrainingHistory };
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
}

/** Attributes asked for, attributes found, and how often they agree. */
export interface Readings {
  readonly asked: AttributeLabels<AttributeName>;
  readonly found: AttributeLabels<AttributeName>;
  readonly agreement: AttributeAgreement<AttributeName>;
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
  const { classifier, codes, config, models, seed, signal, test } = options;
  const part = firstOf(test, config.evaluation.samples);
  const sampling = { seed, ...config.sampling, signal };
  const drawn = await drawImages(models, part.captions, sampling);
  const written = await captionImages(models, part.images, { ...sampling, temperature: 0 });
  const invented = await inventPairs(models, part.images.count, sampling);
  const read = async (asked: AttributeLabels<AttributeName> | undefined, images: ImageBatch) =>
    classifier && asked && compare(asked, await classifier.predict(images));
  const saidOf = (captions: readonly string[]) => (test.labels ? labelsOfCaptions(captions) : undefined);
  const said = saidOf(written);
  const readings = {
    textToImage: await read(part.labels, drawn),
    imageToText: part.labels && said && compare(part.labels, said),
    unconditional: await read(saidOf(invented.captions), invented.images),
  };
  const metrics = {
    vqvae: await imageCodecMetrics(models.vqvae, test.images, codes),
    likelihood: await scorePairs(models, { codes, captions: test.captions, pixels: pixelsOf(test.images) }, { signal }),
    ...(classifier && {
      attributes: {
        classifierOnTestImages: (await read(test.labels, test.images))!.agreement,
        reconstructions: (await read(part.labels, await models.vqvae.reconstruct(part.images)))!.agreement,
        textToImage: readings.textToImage!.agreement,
        imageToText: readings.imageToText!.agreement,
        unconditional: readings.unconditional!.agreement,
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

function compare(asked: AttributeLabels<AttributeName>, found: AttributeLabels<AttributeName>): Readings {
  return { asked, found, agreement: attributeAgreement(asked, found) };
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
  const names = Object.keys(attributeTitles) as AttributeName[];
  return Array.from(asked.digit, (_, row) => names.every((name) => asked[name][row] === found[name][row]));
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

/** Milliseconds by ids generated, for several ways of generating the same rows. */
export interface GenerationTiming {
  /** Rows generated together. */
  readonly rows: number;
  readonly series: readonly { readonly label: string; readonly x: readonly number[]; readonly y: readonly number[] }[];
}

/** Rows that are timed together. */
const timedRows = 16;

/** Runs of which the fastest counts: the others waited for something else. */
const timedRuns = 3;

/** Times the generation of pairs up to several lengths: as a whole, step by step with a cache, and without one. */
export async function timeGeneration(
  { tokenizer, transformer }: ModelParts,
  signal: AbortSignal,
): Promise<GenerationTiming> {
  const { vocabularySize, contextLength } = transformer;
  const stepwise = { vocabularySize, contextLength };
  const ways: Readonly<Record<string, SequenceModel>> = {
    ...(transformer.decode && { "all steps in one call": transformer }),
    "a step a call, with a cache": { ...stepwise, prefill: (ids) => transformer.prefill(ids) },
    "a step a call, without": { ...stepwise, prefill: (ids) => uncached(transformer, ids) },
  };
  const prompt = tokenizer.promptForPairs(timedRows);
  const maxSteps = tokenizer.sequenceLength - prompt.length;
  const lengths = [...new Set([1 / 4, 1 / 2, 3 / 4, 1].map((share) => Math.ceil(share * maxSteps)))];
  const series = [];
  for (const [label, model] of Object.entries(ways)) {
    const y: number[] = [];
    for (const steps of lengths) {
      const options = { model, prompt, steps, grammar: tokenizer.grammar(), seed: 1, signal };
      // The first run compiles, which is not timed.
      await generate(options);
      y.push(await fastest(() => generate(options)));
    }
    series.push({ label, x: lengths, y });
  }
  return { rows: timedRows, series };
}

async function fastest(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < timedRuns; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
/** A decode that keeps nothing but the ids: every step runs the whole sequence again. */
async function uncached(model: SequenceModel, prompt: TokenBatch): Promise<SequenceDecoding> {
  const { count } = prompt;
  let ids = prompt;
  let current = await model.prefill(ids);
  return {
    get logits() {
      return current.logits;
    },
    get length() {
      return ids.length;
    },
    async step(next) {
      const length = ids.length + 1;
      const data = new Int32Array(count * length);
      for (let row = 0; row < count; row++) {
        data.set(ids.data.subarray(row * ids.length, (row + 1) * ids.length), row * length);
        data[row * length + ids.length] = next[row]!;
      }
      ids = { data, count, length };
      current.dispose();
      current = await model.prefill(ids);
      return current.logits;
    },
    dispose: () => current.dispose(),
  };
}
