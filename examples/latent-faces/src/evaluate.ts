import { type CodeBatch, concatImages, Random } from "@mmgen/core";
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
  /** Completed test images, of all parts and samplers together, in which a kept code has changed; 0. */
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
  const decoded = await decodeAll(options);
  const sets = await compareSets(options, decoded, samples);
  const metrics: ModelMetrics = {
    codes: { ...codeGrid, codebookSize },
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
    critic: await criticize(options, decoded, completed),
    sets,
  };
  return { metrics, samples };
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

/**
 * Trains a critic to tell reconstructions from those whose lower half is another image's: on training images, of which
 * there are many, and asks it about test images. Trains it further on half of the completed test images, and a new one,
 * and asks both about the other half: the better one counts.
 */
async function criticize(
  { codes, config, models: { tokenizer }, seed, signal }: EvaluationOptions,
  decoded: Decoded,
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
  const first = firstImages(decoded.test, held.count);
  const decodeMixed = (codes: CodeBatch) => tokenizer.decode(mixHalves(codes, kept));
  let trained: AttributeClassifier<"changed"> | undefined;
  const control = await twoSampleTest({
    first: concatImages([firstImages(decoded.train, learned.count), first]),
    second: concatImages([await decodeMixed(learned), await decodeMixed(held)]),
    trainCount: learned.count,
    classify: async (kinds) => {
      trained = await train(kinds, criticSteps);
      return (await trained.predict(kinds.heldOut)).changed;
    },
  });
  using critic = trained!;
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
  return { classifier: attributeScores(data.test.attributes, found).mean, byName };
}
