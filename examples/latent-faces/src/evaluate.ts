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
  type TwoKinds,
  twoSampleTest,
} from "@mmgen/evaluation";
import { diffusionBound } from "@mmgen/samplers";
import { evaluateLoss, type TrainingHistory } from "@mmgen/training";
import type { VqVae } from "@mmgen/vqvae";
import { codeUsage, trainAttributeClassifier } from "mmgen";
import { diffusionNames, type RunConfig, type StageName } from "./config.js";
import {
  asTokens,
  changedRows,
  firstCodes,
  firstImages,
  legalCodes,
  mixHalves,
  nextCodes,
  type RunDataset,
} from "./data.js";
import {
  completePart,
  drawSamples,
  keptCount,
  keptParts,
  type Models,
  type SamplerMetrics,
  type SamplerName,
  type Samples,
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
  readonly copies: {
    readonly sequential: CopyMetrics;
    readonly diffusion: CopyMetrics & { readonly sampler: SamplerName };
  };
  /** How a critic tells completed images from reconstructed ones. */
  readonly critic: CriticMetrics;
  /** How sets of images compare to the training images; of images with attributes alone. */
  readonly sets?: SetMetrics | undefined;
}

/** Shares of images that a classifier of two kinds gets right, of images that it has not learned from. */
export interface CriticMetrics {
  /** Test images as they are, against those whose lower half is another's; below .95 the verdicts do not count. */
  readonly control: number;
  /** Test images as they are, against completed halves; by the better of the control's critic, trained further, and a new one. */
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

/** Samplers whose completions are measured: one of each family. */
const completers = ["sequential", "ancestral"] as const;
type Completer = (typeof completers)[number];

/** What {@link evaluateModels} works with. */
export interface EvaluationOptions {
  readonly models: Models;
  readonly tokenizers: Readonly<Record<TokenizerName, VqVae>>;
  readonly data: RunDataset;
  readonly codes: { readonly train: CodeBatch; readonly test: CodeBatch };
  /** Trained on real images alone; undefined where they have no attributes. */
  readonly classifier: AttributeClassifier | undefined;
  readonly config: RunConfig;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Measures trained models on images they have not seen, and what they draw. */
export async function evaluateModels(options: EvaluationOptions): Promise<{ metrics: ModelMetrics; samples: Samples }> {
  const { codes, config, data, models, seed, signal, tokenizers } = options;
  const { codeGrid, codebookSize } = models.tokenizer;
  const { sampling, evaluation } = config;
  const { metrics: samplers, samples } = await drawSamples(models, evaluation.samples, { sampling, seed, signal });
  const { completed, ...completions } = await completeAll(options);
  const sets = await compareSets(options, samples);
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
    ...completions,
    copies: await checkCopies(options, samples, bestDiffusion(sets)),
    critic: await criticize(options, completed),
    sets,
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

/** Completes test images from each part by both families, and counts where a kept code has changed. */
async function completeAll({ codes, config, models, seed, signal }: EvaluationOptions) {
  const first = firstCodes(codes.test, config.evaluation.samples);
  const completed: Partial<Record<Completer, CodeBatch>> = {};
  let changed = 0;
  for (const part of keptParts) {
    for (const sampler of completers) {
      const found = await completePart(models, { codes: first, part, sampler }, { config, seed, signal });
      changed += changedRows(first, found, keptCount(models.tokenizer.codeGrid, part));
      if (part === "half") {
        completed[sampler] = found;
      }
    }
  }
  return {
    completed: completed as Record<Completer, CodeBatch>,
    ...{ changedCompletions: changed, completions: first.count * keptParts.length * completers.length },
  };
}

/** The diffusion sampler whose images are nearest to the training images; of images without attributes one of them. */
function bestDiffusion(sets: SetMetrics | undefined): SamplerName {
  const distance = (name: SamplerName) => sets?.byName[name]?.frechet ?? (name === "ancestral" ? 0 : 1);
  return diffusionNames.reduce((best, name) => (distance(name) < distance(best) ? name : best), "ancestral");
}

/** Compares samples of both families with what the tokenizer makes of the training images, in one search. */
async function checkCopies(
  { codes, models: { tokenizer }, signal }: EvaluationOptions,
  samples: Samples,
  sampler: SamplerName,
): Promise<ModelMetrics["copies"]> {
  const found = await copyCheck({
    samples: concatImages([samples.sequential, samples[sampler]]),
    // Codes of mirror images are among them, where models learned these.
    ...{ training: await tokenizer.decode(codes.train), test: await tokenizer.decode(codes.test), mirrored: false },
    signal,
  });
  const { count } = samples.sequential;
  const share = ({ nearest, threshold }: CopyVerdict, from: number) =>
    nearest.distances.subarray(from, from + count).filter((distance) => distance < threshold).length / count;
  const shares = (from: number) => ({ pixels: share(found.pixels, from), means: share(found.means, from) });
  return { sequential: shares(0), diffusion: { sampler, ...shares(count) } };
}

/**
 * Trains a critic to tell reconstructions from those whose lower half is another image's: on training images, of which
 * there are many, and asks it about test images. Trains it further on half of the completed test images, and a new one,
 * and asks both about the other half: the better one counts.
 */
async function criticize(
  { codes, config, models: { tokenizer }, seed, signal }: EvaluationOptions,
  completed: Readonly<Record<Completer, CodeBatch>>,
): Promise<CriticMetrics> {
  const { criticImages, criticSteps, samples } = config.evaluation;
  const [learned, held] = [firstCodes(codes.train, criticImages), firstCodes(codes.test, samples)];
  const kept = keptCount(tokenizer.codeGrid, "half");
  const train = ({ images, labels }: TwoKinds, steps: number, from?: AttributeClassifier<"changed">) =>
    trainAttributeClassifier({
      ...{ attributes: [{ name: "changed", classes: 2 }], images, labels: { changed: labels }, trunk: "image" },
      ...{ from, steps, seed, signal },
    });
  const decodeBoth = async (a: CodeBatch, b: CodeBatch) =>
    concatImages([await tokenizer.decode(a), await tokenizer.decode(b)]);
  let trained: AttributeClassifier<"changed"> | undefined;
  const control = await twoSampleTest({
    first: await decodeBoth(learned, held),
    second: await decodeBoth(mixHalves(learned, kept), mixHalves(held, kept)),
    trainCount: learned.count,
    classify: async (kinds) => {
      trained = await train(kinds, criticSteps);
      return (await trained.predict(kinds.heldOut)).changed;
    },
  });
  using critic = trained!;
  const first = await tokenizer.decode(held);
  const verdict = async (changed: CodeBatch) => {
    const second = await tokenizer.decode(changed);
    const accuracyFrom = async (from?: AttributeClassifier<"changed">) => {
      const classify = async (kinds: TwoKinds) => {
        using own = await train(kinds, Math.ceil(criticSteps / 4), from);
        return (await own.predict(kinds.heldOut)).changed;
      };
      return (await twoSampleTest({ first, second, classify })).accuracy;
    };
    return Math.max(await accuracyFrom(critic), await accuracyFrom());
  };
  const [sequential, ancestral] = [await verdict(completed.sequential), await verdict(completed.ancestral)];
  return { control: control.accuracy, sequential, ancestral };
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
