import { type CodeBatch, concatImages, type ImageBatch, Random, sliceImages } from "@mmgen/core";
import {
  type AttributeClassifier,
  attributeAgreement,
  attributeScores,
  copyCheck,
  frechetDistance,
  precisionAndRecall,
  psnr,
  ssim,
} from "@mmgen/evaluation";
import type { RunFolder } from "@mmgen/example-harness";
import { diffusionBound } from "@mmgen/samplers";
import { evaluateLoss, type TrainingHistory } from "@mmgen/training";
import type { VqVae } from "@mmgen/vqvae";
import { codeUsage, trainAttributeClassifier } from "mmgen";
import type { RunConfig, RunSettings, StageName } from "./config.js";
import {
  asTokens,
  changedRows,
  distinctShare,
  firstCodes,
  firstImages,
  legalCodes,
  mixHalves,
  nextCodes,
  type RunDataset,
} from "./data.js";
import {
  completePart,
  disposeModels,
  drawCodes,
  keptCount,
  keptParts,
  loadClassifier,
  loadModels,
  loadTokenizer,
  type Models,
  nothingKept,
  type SamplerName,
  samplerNames,
} from "./generate.js";

/** Each training's history. */
export type Histories = Readonly<Record<StageName, TrainingHistory>>;

/** Names of the two image tokenizers. */
export type TokenizerName = "squared-error" | "adversarial";

/** How well a tokenizer gives back the test images. */
export interface TokenizerMetrics {
  /** dB, of the squared error of all test images together. */
  readonly psnr: number;
  readonly ssim: number;
  /** exp of the entropy of the codes used. */
  readonly perplexity: number;
  /** Share of the codes that the test images use. */
  readonly codesUsed: number;
}

/** How varied and fast a way to draw is. */
export interface SamplerMetrics {
  /** Share of the samples whose codes no sample before had. */
  readonly distinct: number;
  readonly millisecondsPerImage: number;
}

/** How much a model that learned images repeats them. */
export interface CopyMetrics {
  /** Share of the samples that are nearer to a training image than 99 % of the test images are, by pixels. */
  readonly pixels: number;
  /** The same by the means of 8 × 8 cells. */
  readonly means: number;
}

/** Metrics of trained models. */
export interface ModelMetrics {
  readonly codes: { readonly height: number; readonly width: number; readonly codebookSize: number };
  readonly tokenizers: Readonly<Record<TokenizerName, TokenizerMetrics>>;
  readonly sequential: { readonly natsPerCode: number; readonly natsPerImage: number };
  /** The bound on the negative log-likelihood, a mean over `images` test images. */
  readonly absorbing: { readonly natsPerImage: number; readonly images: number };
  readonly count: number;
  readonly samplers: Readonly<Record<SamplerName, SamplerMetrics>>;
  /** Completed test images of each part and sampler in which a kept code has changed; 0. */
  readonly changedCompletions: number;
  readonly completions: number;
  readonly copies: CopyMetrics;
  /** How a critic tells completed images from reconstructed ones. */
  readonly critic: CriticMetrics;
  /** How sets of images compare to the training images; of images with attributes alone. */
  readonly sets?: SetMetrics | undefined;
}

/** Shares of held-out images that a classifier of two kinds gets right. */
export interface CriticMetrics {
  /** Whole images against those whose lower half is another's; below .95 the verdicts do not count. */
  readonly control: number;
  /** Whole images against completed halves. */
  readonly sequential: number;
  readonly ancestral: number;
}

/** Sets of images beside training images, as many of each, by features of the attribute classifier. */
export interface SetMetrics {
  /** Mean over attributes of the classifier's share right on real test images. */
  readonly classifier: number;
  /** `test`: real images, the floor; then reconstructions of them; then samples. */
  readonly byName: Readonly<
    Record<string, { readonly frechet: number; readonly precision: number; readonly recall: number }>
  >;
}

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends ModelMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  readonly attribution?: string | undefined;
  readonly backend: string;
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly stages: Readonly<
    Record<
      StageName,
      { readonly steps: number; readonly millisecondsPerStep: number; readonly last: Readonly<Record<string, number>> }
    >
  >;
}

/** Images drawn without a beginning, by sampler. */
export type Samples = Readonly<Record<SamplerName, ImageBatch>>;

/** What {@link evaluateModels} works with. */
export interface EvaluationOptions {
  readonly models: Models;
  readonly tokenizers: Readonly<Record<TokenizerName, VqVae>>;
  readonly data: RunDataset;
  /** The test images' codes. */
  readonly codes: { readonly test: CodeBatch };
  /** Trained on real images alone; undefined where they have no attributes. */
  readonly classifier: AttributeClassifier | undefined;
  readonly config: RunConfig;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Measures trained models on images they have not seen, and what they draw. */
export async function evaluateModels(options: EvaluationOptions): Promise<{ metrics: ModelMetrics; samples: Samples }> {
  const { codes, config, data, models, signal, tokenizers } = options;
  const { codeGrid, codebookSize } = models.tokenizer;
  const { metrics: samplers, samples } = await drawSamples(options);
  const copies = await copyCheck({
    ...{ samples: samples.sequential, training: data.train.images, test: data.test.images, signal },
    ...{ mirrored: config.data.mirrored, reconstruct: (images: ImageBatch) => models.tokenizer.reconstruct(images) },
  });
  const metrics: ModelMetrics = {
    codes: { ...codeGrid, codebookSize },
    tokenizers: {
      "squared-error": await measureTokenizer(tokenizers["squared-error"], data.test.images),
      adversarial: await measureTokenizer(tokenizers.adversarial, data.test.images),
    },
    sequential: await sequentialLikelihood(models, codes.test, signal),
    absorbing: await diffusionLikelihood(options),
    count: samples.sequential.count,
    samplers,
    ...(await completeAll(options)),
    copies: { pixels: copies.pixels.share, means: copies.means.share },
    critic: await criticize(options),
    sets: await compareSets(options, samples),
  };
  return { metrics, samples };
}

async function measureTokenizer(tokenizer: VqVae, images: ImageBatch): Promise<TokenizerMetrics> {
  const codes = await tokenizer.encode(images);
  const reconstructed = await tokenizer.decode(codes);
  const usage = codeUsage(tokenizer, codes);
  return {
    psnr: psnr(images, reconstructed),
    ssim: ssim(images, reconstructed),
    perplexity: usage.perplexity(),
    codesUsed: usage.share(),
  };
}

async function sequentialLikelihood({ sequential, tokenizer }: Models, codes: CodeBatch, signal: AbortSignal) {
  const { loss } = await evaluateLoss({
    ...{ model: sequential, examples: nextCodes(tokenizer, codes), batchSize: 64, signal },
  });
  return { natsPerCode: loss!, natsPerImage: loss! * codes.height * codes.width };
}

async function diffusionLikelihood({ codes, config, models, seed, signal }: EvaluationOptions) {
  const { codebookSize } = models.tokenizer;
  const all = asTokens(codes.test);
  const count = Math.min(config.evaluation.boundImages, all.count);
  const nats = await diffusionBound({
    ...{ model: models.absorbing, kernel: { type: "absorbing" }, maskId: codebookSize, signal },
    ids: { ...all, count, data: all.data.subarray(0, count * all.length) },
    legal: legalCodes(all.length, codebookSize),
    random: Random.fromSeed(seed).fork("bound"),
  });
  return { natsPerImage: nats.reduce((sum, value) => sum + value, 0) / count, images: count };
}

async function drawSamples({ config, models, seed, signal }: EvaluationOptions) {
  const metrics: Partial<Record<SamplerName, SamplerMetrics>> = {};
  const samples: Partial<Record<SamplerName, ImageBatch>> = {};
  const count = config.evaluation.samples;
  for (const sampler of samplerNames) {
    const started = performance.now();
    const drawing = { sampling: config.sampling, seed, signal };
    const codes = await drawCodes(models, sampler, nothingKept(models.tokenizer, count), drawing);
    samples[sampler] = await models.tokenizer.decode(codes);
    const millisecondsPerImage = (performance.now() - started) / count;
    metrics[sampler] = { distinct: distinctShare(codes), millisecondsPerImage };
  }
  return { metrics: metrics as ModelMetrics["samplers"], samples: samples as Samples };
}

/** Completes test images from each part by both families, and counts where a kept code has changed. */
async function completeAll({ codes, config, models, seed, signal }: EvaluationOptions) {
  const first = firstCodes(codes.test, Math.min(config.evaluation.samples, codes.test.count));
  let changed = 0;
  for (const part of keptParts) {
    for (const sampler of ["sequential", "ancestral"] as const) {
      const completed = await completePart(models, { codes: first, part, sampler }, { config, seed, signal });
      changed += changedRows(first, completed, keptCount(models.tokenizer.codeGrid, part));
    }
  }
  return { changedCompletions: changed, completions: first.count * keptParts.length * 2 };
}

/** Trains critics on half of the completed test images, and asks them about the other half. */
async function criticize({ codes, config, models, seed, signal }: EvaluationOptions): Promise<CriticMetrics> {
  const whole = firstCodes(codes.test, 2 * Math.floor(Math.min(config.evaluation.samples, codes.test.count) / 2));
  const critic = async (changed: CodeBatch) => {
    const [a, b] = [await models.tokenizer.decode(whole), await models.tokenizer.decode(changed)];
    const half = whole.count / 2;
    const part = (start: number) =>
      concatImages([sliceImages(a, start, start + half), sliceImages(b, start, start + half)]);
    const labels = { changed: Int32Array.from({ length: whole.count }, (_, i) => (i < half ? 0 : 1)) };
    using classifier = await trainAttributeClassifier({
      ...{ attributes: [{ name: "changed", classes: 2 }], images: part(0), labels, trunk: "image", seed, signal },
      steps: config.evaluation.criticSteps,
    });
    const found = await classifier.predict(part(half));
    return attributeAgreement(labels, found).accuracy.changed;
  };
  const complete = (sampler: SamplerName) =>
    completePart(models, { codes: whole, part: "half", sampler }, { config, seed, signal });
  return {
    control: await critic(mixHalves(whole, keptCount(models.tokenizer.codeGrid, "half"))),
    sequential: await critic(await complete("sequential")),
    ancestral: await critic(await complete("ancestral")),
  };
}

async function compareSets(options: EvaluationOptions, samples: Samples): Promise<SetMetrics | undefined> {
  const { classifier, config, data, tokenizers } = options;
  if (classifier === undefined || data.test.attributes === undefined) {
    return undefined;
  }
  const test = firstImages(data.test.images, config.evaluation.samples);
  const dimension = classifier.featureWidth;
  const training = await classifier.features(data.train.images);
  const alike = training.subarray(0, test.count * dimension);
  const reconstructed = async (name: TokenizerName) => [name, await tokenizers[name].reconstruct(test)] as const;
  const sets = [["test", test], await reconstructed("squared-error"), await reconstructed("adversarial")] as const;
  const byName: Record<string, SetMetrics["byName"][string]> = {};
  for (const [name, images] of [...sets, ...Object.entries(samples)]) {
    const features = await classifier.features(images);
    byName[name] = {
      frechet: frechetDistance(training, features, { dimension }),
      ...precisionAndRecall(alike, features, { dimension, neighbors: Math.min(3, test.count - 1, images.count - 1) }),
    };
  }
  const found = await classifier.predict(data.test.images);
  return { classifier: attributeScores(data.test.attributes, found).mean, byName };
}

/** Measures the models of a run's checkpoints again. */
export async function evaluateRun(
  folder: RunFolder,
  options: Pick<EvaluationOptions, "data" | "config" | "seed" | "signal">,
): Promise<ModelMetrics> {
  const models = await folder.load((read) => loadModels(read, options.config));
  try {
    using plain = await loadTokenizer(folder, "squared-error");
    using adversarial = await loadTokenizer(folder, "adversarial");
    const codes = { test: await models.tokenizer.encode(options.data.test.images) };
    const tokenizers = { "squared-error": plain, adversarial };
    using classifier = await loadClassifier(folder);
    return (await evaluateModels({ ...options, models, tokenizers, codes, classifier })).metrics;
  } finally {
    disposeModels(models);
  }
}
