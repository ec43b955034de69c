import { type CodeBatch, type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { copyCheck, psnr, ssim } from "@mmgen/evaluation";
import type { RunFolder } from "@mmgen/example-harness";
import { diffusionBound } from "@mmgen/samplers";
import { evaluateLoss, type TrainingHistory } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { codeUsage } from "mmgen";
import { type RunConfig, type RunSettings, type StageName, stageNames } from "./config.js";
import { asTokens, legalCodes, nextCodes, type RunDataset } from "./data.js";
import {
  disposeModels,
  drawCodes,
  type KeptPart,
  keptCount,
  keptParts,
  loadModels,
  type Models,
  modelFiles,
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
    metrics[sampler] = {
      distinct: distinctShare(codes),
      millisecondsPerImage: (performance.now() - started) / count,
    };
  }
  return { metrics: metrics as ModelMetrics["samplers"], samples: samples as Samples };
}

/** Share of the rows that no row before equals. */
export function distinctShare({ count, data, height, width }: CodeBatch): number {
  const size = height * width;
  const rows = Array.from({ length: count }, (_, row) => data.subarray(row * size, (row + 1) * size).join());
  return new Set(rows).size / count;
}

/** The first of the codes, as a view of the same memory. */
export function firstCodes(codes: CodeBatch, count: number): CodeBatch {
  return { ...codes, count, data: codes.data.subarray(0, count * codes.height * codes.width) };
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

/** Draws what is not kept of images. */
export function completePart(
  models: Models,
  { codes, part, sampler }: { readonly codes: CodeBatch; readonly part: KeptPart; readonly sampler: SamplerName },
  { config, seed, signal }: Pick<EvaluationOptions, "config" | "seed" | "signal">,
): Promise<CodeBatch> {
  const beginning = { codes, kept: keptCount(models.tokenizer.codeGrid, part) };
  return drawCodes(models, sampler, beginning, { sampling: config.sampling, seed, signal });
}

function changedRows(codes: CodeBatch, completed: CodeBatch, kept: number): number {
  const size = codes.height * codes.width;
  let changed = 0;
  for (let row = 0; row < codes.count; row++) {
    const [before, after] = [codes, completed].map(({ data }) => data.subarray(row * size, row * size + kept).join());
    changed += before === after ? 0 : 1;
  }
  return changed;
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
    return (await evaluateModels({ ...options, models, tokenizers, codes })).metrics;
  } finally {
    disposeModels(models);
  }
}

function loadTokenizer(folder: RunFolder, name: TokenizerName): Promise<VqVae> {
  return folder.load(async (read) => VqVae.fromSafetensors((await read(modelFiles[name]))!));
}

/** The first images of a batch. */
export function firstImages(images: ImageBatch, count: number): ImageBatch {
  return sliceImages(images, 0, Math.min(count, images.count));
}

/** What `metrics.json` tells of each training. */
export function summarizeStages(histories: Histories): RunMetrics["stages"] {
  const summary = ({ epochs, steps }: TrainingHistory) => ({
    steps: steps.length,
    millisecondsPerStep: (1000 * steps.reduce((sum, { seconds }) => sum + seconds, 0)) / steps.length,
    last: epochs.at(-1)?.metrics ?? {},
  });
  return Object.fromEntries(stageNames.map((name) => [name, summary(histories[name])])) as RunMetrics["stages"];
}
