import { type CodeBatch, concatImages, type ImageBatch, Random } from "@mmgen/core";
import {
  type AttributeClassifier,
  attributeScores,
  type CopyVerdict,
  copyCheck,
  frechetDistance,
  precisionAndRecall,
  psnr,
  ssim,
} from "@mmgen/evaluation";
import type { ProgressReporter } from "@mmgen/example-harness";
import { diffusionBound } from "@mmgen/samplers";
import { evaluateLoss, type TrainingHistory } from "@mmgen/training";
import type { VqVae } from "@mmgen/vqvae";
import { type CompletionVerdicts, codeUsage, judgeCompletions } from "mmgen";
import { diffusionNames, type RunConfig, type StageName, sampledAs } from "./config.js";
import { firstCodes, firstImages, nextCodes, type RunDataset, rowForm, withKinds } from "./data.js";
import {
  completePart,
  type Drawing,
  type DrawnName,
  drawCodes,
  drawnNames,
  keptCount,
  keptParts,
  type Models,
  nothingKept,
  type SamplerName,
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

/** Images drawn without a beginning. */
export type Samples = Readonly<Record<DrawnName, ImageBatch>>;

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
  readonly samplers: Readonly<Record<DrawnName, SamplerMetrics>>;
  /** Completed test images, of all parts and samplers together, in which a kept code has changed; 0. */
  readonly changedCompletions: number;
  readonly completions: number;
  readonly copies: {
    readonly sequential: CopyMetrics;
    readonly diffusion: CopyMetrics & { readonly sampler: SamplerName };
  };
  /** How a critic tells completed images from reconstructed ones. */
  readonly critic: CompletionVerdicts<Completer>;
  /** How sets of images compare to the training images; of images with attributes alone. */
  readonly sets?: SetMetrics | undefined;
}

/** Sets of images beside training images, as many of each, by features of the attribute classifier. */
export interface SetMetrics {
  /** Images of each set. */
  readonly count: number;
  /** Mean over attributes of the classifier's share right on real test images. */
  readonly classifier: number;
  /** `test`: real images, the floor; then reconstructions of them; then samples. */
  readonly byName: Readonly<
    Record<string, { readonly frechet: number; readonly precision: number; readonly recall: number }>
  >;
}

/** Samplers whose completions are measured and shown: one of each family. */
export const completers = ["sequential", "remasking"] as const;
type Completer = (typeof completers)[number];
/** Test images completed from parts other than the half, which alone the critic judges; fewer where there are fewer samples. */
const otherCompletions = 200;

/** What {@link evaluateModels} works with. */
export interface EvaluationOptions {
  readonly models: Models;
  readonly tokenizers: Readonly<Record<TokenizerName, VqVae>>;
  readonly data: RunDataset;
  readonly codes: { readonly train: CodeBatch; readonly test: CodeBatch };
  /** Trained on real images alone; undefined where they have no attributes. */
  readonly classifier: AttributeClassifier | undefined;
  readonly config: RunConfig;
  readonly progress: Pick<ProgressReporter, "stage">;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Measures trained models on images they have not seen, and what they draw. */
export async function evaluateModels(options: EvaluationOptions): Promise<{ metrics: ModelMetrics; samples: Samples }> {
  const { codes, config, data, models, progress, seed, signal, tokenizers } = options;
  const { sampling, evaluation } = config;
  progress.stage("Evaluation: samples");
  const { samplers, samples } = await drawSamples(models, evaluation.samples, { sampling, seed, signal });
  progress.stage("Evaluation: completions");
  const { completed, ...completions } = await completeAll(options);
  progress.stage("Evaluation: critic of completions");
  const critic = await criticize(options, completed);
  progress.stage("Evaluation: sets of images");
  const decoded = await decodeAll(options);
  const sets = await compareSets(options, decoded, samples);
  progress.stage("Evaluation: likelihoods and copies");
  const metrics: ModelMetrics = {
    codes: { ...models.tokenizer.codeGrid, codebookSize: models.tokenizer.codebookSize },
    tokenizers: {
      "squared-error": measureTokenizer(tokenizers["squared-error"], data, decoded["squared-error"]),
      adversarial: measureTokenizer(tokenizers.adversarial, data, decoded.adversarial),
    },
    sequential: await sequentialLikelihood(models, codes.test, signal),
    absorbing: await diffusionLikelihood(options),
    count: samples.sequential.count,
    samplers,
    ...completions,
    copies: await checkCopies(options, decoded, samples, bestDiffusion(sets)),
    ...{ critic, sets },
  };
  return { metrics, samples };
}

/** Draws images without a beginning by every sampler. */
async function drawSamples(
  models: Models,
  count: number,
  drawing: Drawing,
): Promise<Pick<ModelMetrics, "samplers"> & { readonly samples: Samples }> {
  const samplers: Partial<Record<DrawnName, SamplerMetrics>> = {};
  const samples: Partial<Record<DrawnName, ImageBatch>> = {};
  const cold = sampledAs(drawing.sampling, { temperature: drawing.sampling.lowTemperature });
  for (const name of drawnNames) {
    const started = performance.now();
    const [sampler, sampling] = name === "chain-low" ? (["chain", cold] as const) : ([name, drawing.sampling] as const);
    const codes = await drawCodes(models, sampler, nothingKept(models.tokenizer, count), { ...drawing, sampling });
    samples[name] = await models.tokenizer.decode(codes);
    samplers[name] = { millisecondsPerImage: (performance.now() - started) / count, distinct: distinctShare(codes) };
  }
  return { samplers: samplers as Record<DrawnName, SamplerMetrics>, samples: samples as Samples };
}

/** Share of the rows that no row before equals. */
function distinctShare({ count, data, height, width }: CodeBatch): number {
  const size = height * width;
  const rows = Array.from({ length: count }, (_, row) => data.subarray(row * size, (row + 1) * size).join());
  return new Set(rows).size / count;
}

/** Decodes what several measures look at: the test images' codes by tokenizer, and those that the transformers learned. */
async function decodeAll({ codes, config, data, models, tokenizers }: EvaluationOptions) {
  const reconstruct = async (name: TokenizerName) => {
    const found = name === config.codesOf ? codes.test : await tokenizers[name].encode(data.test.images);
    return { codes: found, images: await tokenizers[name].decode(found) };
  };
  const byName = { "squared-error": await reconstruct("squared-error"), adversarial: await reconstruct("adversarial") };
  return { ...byName, train: await models.tokenizer.decode(codes.train), test: byName[config.codesOf].images };
}
type Decoded = Awaited<ReturnType<typeof decodeAll>>;

function measureTokenizer(tokenizer: VqVae, { test }: RunDataset, found: Decoded[TokenizerName]): TokenizerMetrics {
  const usage = codeUsage(tokenizer, found.codes);
  return {
    psnr: psnr(test.images, found.images),
    ssim: ssim(test.images, found.images),
    perplexity: usage.perplexity(),
    codesUsed: usage.share(),
  };
}

async function sequentialLikelihood({ sequential, tokenizer }: Models, codes: CodeBatch, signal: AbortSignal) {
  const options = { model: sequential, examples: nextCodes(tokenizer, { codes }), batchSize: 64, signal };
  const { loss } = await evaluateLoss(options);
  return { natsPerCode: loss!, natsPerImage: loss! * codes.height * codes.width };
}

async function diffusionLikelihood({ codes, config, models, seed, signal }: EvaluationOptions) {
  const { absorbing: model, tokenizer } = models;
  const seen = firstCodes(codes.test, config.evaluation.boundImages);
  const nats = await diffusionBound({
    ...{ model, kernel: { type: "absorbing" }, ids: withKinds(tokenizer, seen), ...rowForm(tokenizer), signal },
    random: Random.fromSeed(seed).fork("bound"),
  });
  return { natsPerImage: nats.reduce((sum, value) => sum + value, 0) / seen.count, images: seen.count };
}

/** Completes test images from each part by both families, and counts where a kept code has changed. */
async function completeAll({ codes, config, models, seed, signal }: EvaluationOptions) {
  const { samples } = config.evaluation;
  const completed: Partial<Record<Completer, CodeBatch>> = {};
  let [changed, count] = [0, 0];
  for (const part of keptParts) {
    const first = firstCodes(codes.test, part === "half" ? samples : Math.min(samples, otherCompletions));
    for (const sampler of completers) {
      const found = await completePart(models, { codes: first, part, sampler }, { config, seed, signal });
      changed += changedRows(first, found, keptCount(models.tokenizer.codeGrid, part));
      count += first.count;
      if (part === "half") {
        completed[sampler] = found;
      }
    }
  }
  return { completed: completed as Record<Completer, CodeBatch>, changedCompletions: changed, completions: count };
}

/** Images of which a kept code has changed. */
function changedRows(codes: CodeBatch, completed: CodeBatch, kept: number): number {
  const size = codes.height * codes.width;
  let changed = 0;
  for (let row = 0; row < codes.count; row++) {
    const [before, after] = [codes, completed].map(({ data }) => data.subarray(row * size, row * size + kept).join());
    changed += before === after ? 0 : 1;
  }
  return changed;
}

/** The diffusion sampler whose images are nearest to the training images; of images without attributes one of them. */
function bestDiffusion(sets: SetMetrics | undefined): SamplerName {
  const distance = (name: SamplerName) => sets?.byName[name]?.frechet ?? (name === "ancestral" ? 0 : 1);
  return diffusionNames.reduce((best, name) => (distance(name) < distance(best) ? name : best), "ancestral");
}

/** Compares samples of both families with what the tokenizer makes of the training images, in one search. */
async function checkCopies({ signal }: EvaluationOptions, decoded: Decoded, samples: Samples, sampler: SamplerName) {
  const found = await copyCheck({
    samples: concatImages([samples.sequential, samples[sampler]]),
    // Mirror images are among them, where models learned these.
    ...{ training: decoded.train, test: decoded.test, mirrored: false, signal },
  });
  const { count } = samples.sequential;
  const share = ({ nearest, threshold }: CopyVerdict, from: number) =>
    nearest.distances.subarray(from, from + count).filter((distance) => distance < threshold).length / count;
  const shares = (from: number) => ({ pixels: share(found.pixels, from), means: share(found.means, from) });
  return { sequential: shares(0), diffusion: { sampler, ...shares(count) } };
}

/** How completed halves look to a critic beside the test images that they complete. */
async function criticize(
  { classifier: convolutionsOf, codes, config, models: { tokenizer }, seed, signal }: EvaluationOptions,
  completed: Readonly<Record<Completer, CodeBatch>>,
): Promise<ModelMetrics["critic"]> {
  const { criticImages, criticSteps, samples } = config.evaluation;
  return judgeCompletions({
    codes: { train: firstCodes(codes.train, criticImages), test: firstCodes(codes.test, samples) },
    ...{ completed, kept: keptCount(tokenizer.codeGrid, "half"), seed, signal, convolutionsOf },
    ...{ mirrored: config.data.mirrored, decode: (part) => tokenizer.decode(part) },
    steps: convolutionsOf ? criticSteps : 2 * criticSteps,
  });
}

async function compareSets({ classifier, config, data }: EvaluationOptions, decoded: Decoded, samples: Samples) {
  if (classifier === undefined || data.test.attributes === undefined) {
    return undefined;
  }
  const count = Math.min(config.evaluation.samples, data.test.images.count);
  const dimension = classifier.featureWidth;
  const training = await classifier.features(data.train.images);
  const alike = training.subarray(0, count * dimension);
  const byName: Record<string, SetMetrics["byName"][string]> = {};
  const { adversarial, "squared-error": plain } = decoded;
  const sets = { test: data.test.images, "squared-error": plain.images, adversarial: adversarial.images, ...samples };
  for (const [name, all] of Object.entries(sets)) {
    const images = firstImages(all, count);
    const features = await classifier.features(images);
    byName[name] = {
      frechet: frechetDistance(training, features, { dimension }),
      ...precisionAndRecall(alike, features, { dimension, neighbors: Math.min(3, count - 1) }),
    };
  }
  const found = await classifier.predict(data.test.images);
  return { count, classifier: attributeScores(data.test.attributes, found).mean, byName };
}
