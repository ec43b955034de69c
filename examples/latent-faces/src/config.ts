import {
  boolean,
  type ConfigOf,
  fields,
  listOf,
  number,
  oneOf,
  optional,
  positiveNumber,
  wholeNumber,
} from "@mmgen/core/options";
import { defineRuns, type SamplingFlags, type SettingsOf } from "@mmgen/example-harness";
import type { DiffusionSamplerOptions } from "@mmgen/samplers";
import type { VqVae } from "@mmgen/vqvae";

const size = wholeNumber({ min: 1 });
const rate = positiveNumber();

/** Share of the weights' running average that a step keeps; the trained model has the averages. */
const averageDecay = number({ above: 0, below: 1 });

const optimization = {
  steps: size,
  batchSize: size,
  /** Muon learns in fewer steps what AdamW does; each takes a little longer. */
  optimizer: optional(oneOf(["adamw", "muon"]), "adamw"),
  /** Where the learning rate climbs to before it falls along a cosine to 0. */
  learningRate: rate,
  warmUpSteps: wholeNumber({ min: 0 }),
  weightDecay: number({ min: 0 }),
  clipNorm: rate,
};

const transformer = {
  width: size,
  heads: size,
  layers: size,
  dropout: number({ min: 0, max: 0.9 }),
  averageDecay,
  ...optimization,
};

/** Chosen by how near samples come to training images of faces. */
const masks = { temperature: 1, contextGuidance: 1.35, schedule: "cosine", noise: 15 } as const;

/** Every choice of a run that shapes its result. */
export const configSchema = fields({
  data: fields({
    /** Images to train on; of a folder all but the test images, at most so many. */
    trainCount: size,
    /** Images to evaluate on; of a folder a tenth of its images at most. */
    testCount: size,
    /** Height and width in pixels. */
    side: wholeNumber({ min: 8 }),
    /** Side of the square that is cut out of the middle of a folder's images; absent: as large as fits. */
    crop: optional(size),
    /** Whether models are trained on mirror images too, which are as good for faces but not for avatars. */
    mirrored: boolean(),
  }),
  tokenizer: fields({
    /** What `ConvolutionalOptions` of `@mmgen/vqvae` say; the last two have its defaults where they are absent. */
    network: fields({
      levels: listOf(size, { minLength: 1 }),
      levelBlocks: wholeNumber({ min: 0 }),
      residualBlocks: wholeNumber({ min: 0 }),
      attentionHeads: wholeNumber({ min: 0 }),
      normalizationGroups: optional(size),
      downFilter: optional(wholeNumber({ min: 3, max: 4 })),
    }),
    codebookSize: size,
    codeDimension: size,
    ...optimization,
  }),
  /**
   * How the tokenizer goes on learning against a discriminator. Reconstructions and originals are compared by a classifier of
   * the images' attributes, not the one that measures images; where there are none by the discriminator, and the decoder alone
   * learns, by an adversarial term of adaptive weight.
   */
  adversarial: fields({
    ...optimization,
    averageDecay,
    discriminatorLearningRate: rate,
    /** First channels of the discriminator, which double by level. */
    discriminatorChannels: size,
    /** Training steps of the classifier whose layers compare. */
    classifierSteps: size,
    /** Weight of the distance of its layers, beside the squared error. */
    classifierWeight: number({ min: 0 }),
    /** Weight of the adversarial term. */
    weight: number({ min: 0 }),
    /** Weight of the distance of the discriminator's layers, where there is no classifier. */
    featureWeight: number({ min: 0 }),
    /** Steps before the adversarial term counts, and in which it grows to its weight. */
    startStep: wholeNumber({ min: 0 }),
    rampSteps: wholeNumber({ min: 0 }),
  }),
  /** Which tokenizer's codes the transformers learn. */
  codesOf: oneOf(["squared-error", "adversarial"]),
  /** Kinds into which images are sorted by what they show, where they have attributes; the transformers are told it. */
  kinds: optional(wholeNumber({ min: 0 }), 0),
  /** Learns each code from those before it. */
  sequential: fields(transformer),
  /** Learns to replace masked codes, all at once. */
  absorbing: fields(transformer),
  /** Learns to undo the replacement of codes by random ones, as the published system does. */
  chain: fields({ ...transformer, further: number({ above: 0, max: 1 }) }),
  sampling: fields({
    temperature: number({ min: 0 }),
    /** Draws from so many of the likeliest codes; absent: from all. */
    topK: optional(size),
    topP: number({ above: 0, max: 1 }),
    /** Passes of the diffusion model by sampler. */
    rounds: fields({ chain: size, ancestral: size, confidence: size, remasking: size, halton: size }),
    /** How the samplers of the model of masks draw. */
    masks: optional(
      fields({
        temperature: number({ min: 0 }),
        /** How much more counts what an image shows already, where it is of no kind; 1: nothing is added. */
        contextGuidance: number({ min: 0 }),
        /** Times of the rounds of the ancestral and the remasking sampler. */
        schedule: oneOf(["linear", "cosine"]),
        /** Weight of the noise in the confidence at the start. */
        noise: number({ min: 0 }),
      }),
      masks,
    ),
    /** Temperatures at which the original chain is shown and measured; the second is its own where none is typed. */
    lowTemperature: number({ min: 0 }),
    highTemperature: number({ min: 0 }),
  }),
  evaluation: fields({
    /** Samples of each model, and completions, that are measured. */
    samples: size,
    /** Test images of which the diffusion model's likelihood is bounded. */
    boundImages: size,
    /** Training steps of the classifier whose features compare sets of images. */
    classifierSteps: size,
    /** Training images whose mixed halves the critic learns to tell from whole ones first. */
    criticImages: optional(size, 1500),
    /** Its training steps on these, twice as many without a classifier to begin with; on completed images a quarter at most. */
    criticSteps: size,
  }),
});

export type RunConfig = ConfigOf<typeof configSchema>;
/** How codes are drawn. */
export type SamplingConfig = RunConfig["sampling"];

/** Samplers of the diffusion models. */
export const diffusionNames = ["chain", "ancestral", "confidence", "remasking", "halton"] as const;
export type DiffusionName = (typeof diffusionNames)[number];
/** The trainings of a run, in order. */
export const stageNames = ["squared-error", "adversarial", "sequential", "absorbing", "chain"] as const;
export type StageName = (typeof stageNames)[number];

/** Settings of one of the trainings. */
export type StageConfig = Pick<RunConfig["tokenizer"], keyof typeof optimization>;

/** Chosen on faces; docs/experiments.md, "AdamW or Muon". */
const byMuon = { optimizer: "muon", learningRate: 3e-3 } as const;

const transformerOf = (
  sizes: Pick<RunConfig["sequential"], "width" | "heads" | "layers" | "dropout">,
  steps: number,
): RunConfig["sequential"] => ({
  ...{ ...sizes, ...byMuon, averageDecay: 0.995, steps, batchSize: 16 },
  ...{ warmUpSteps: Math.min(100, steps >> 2), weightDecay: 0.05, clipNorm: 1 },
});

/** So few passes over the images leave nothing for dropout to prevent. */
const tiny = { width: 32, heads: 2, layers: 1, dropout: 0 };
const small = { width: 128, heads: 4, layers: 4, dropout: 0 };
const large = { width: 192, heads: 6, layers: 6, dropout: 0 };

const quick: RunConfig = {
  data: { trainCount: 5000, testCount: 500, side: 64, mirrored: false },
  tokenizer: {
    network: { levels: [24, 48, 96], levelBlocks: 1, residualBlocks: 2, attentionHeads: 4 },
    ...{ ...byMuon, codebookSize: 1024, codeDimension: 96 },
    ...{ steps: 950, batchSize: 8, warmUpSteps: 100, weightDecay: 0, clipNorm: 1 },
  },
  adversarial: {
    ...{ steps: 350, batchSize: 8, optimizer: "adamw", learningRate: 1e-3, warmUpSteps: 50 },
    ...{ weightDecay: 0, clipNorm: 1, averageDecay: 0.99, discriminatorLearningRate: 5e-4, discriminatorChannels: 32 },
    ...{ classifierSteps: 300, classifierWeight: 10, weight: 0.04, featureWeight: 1, startStep: 50, rampSteps: 100 },
  },
  codesOf: "adversarial",
  kinds: 32,
  sequential: transformerOf(small, 750),
  absorbing: transformerOf(small, 750),
  chain: { ...transformerOf(small, 250), further: 0.1 },
  sampling: {
    ...{ temperature: 1, topP: 1 },
    ...{ rounds: { chain: 16, ancestral: 16, confidence: 12, remasking: 16, halton: 8 }, masks },
    ...{ lowTemperature: 0.5, highTemperature: 1 },
  },
  evaluation: { samples: 200, boundImages: 100, classifierSteps: 300, criticImages: 5000, criticSteps: 300 },
};

const smoke: RunConfig = {
  data: { ...quick.data, trainCount: 96, testCount: 24, side: 32 },
  tokenizer: {
    ...quick.tokenizer,
    network: { levels: [8, 16, 16], levelBlocks: 0, residualBlocks: 1, attentionHeads: 2 },
    ...{ codebookSize: 64, codeDimension: 16, steps: 24, warmUpSteps: 2 },
  },
  adversarial: {
    ...quick.adversarial,
    ...{ steps: 8, warmUpSteps: 2, startStep: 2, rampSteps: 2, discriminatorChannels: 8, classifierSteps: 4 },
  },
  codesOf: "adversarial",
  kinds: 4,
  sequential: transformerOf(tiny, 12),
  absorbing: transformerOf(tiny, 12),
  chain: { ...transformerOf(tiny, 12), further: 0.1 },
  sampling: { ...quick.sampling, rounds: { chain: 8, ancestral: 8, confidence: 6, remasking: 8, halton: 4 } },
  evaluation: { samples: 16, boundImages: 8, classifierSteps: 6, criticImages: 32, criticSteps: 4 },
};

const hour: RunConfig = {
  ...quick,
  data: { ...quick.data, trainCount: 9000, testCount: 1000 },
  tokenizer: { ...quick.tokenizer, steps: 6500 },
  adversarial: {
    ...quick.adversarial,
    ...{ steps: 2000, averageDecay: 0.995, classifierSteps: 1000, startStep: 100, rampSteps: 400 },
  },
  kinds: 64,
  sequential: transformerOf(large, 3500),
  absorbing: transformerOf(large, 3500),
  chain: { ...transformerOf(small, 1500), further: 0.1 },
  sampling: { ...quick.sampling, temperature: 1.1 },
  evaluation: { samples: 1000, boundImages: 500, classifierSteps: 1500, criticImages: 18_000, criticSteps: 4500 },
};

const originalSizes = { width: 512, heads: 8, layers: 8, dropout: 0.1 };
const byAdamW = { optimizer: "adamw", learningRate: 3e-4 } as const;
const originalTransformer = { ...transformerOf(originalSizes, 50_000), ...byAdamW };

const original: RunConfig = {
  ...hour,
  data: { ...hour.data, side: 128 },
  tokenizer: {
    ...hour.tokenizer,
    network: {
      ...{ levels: [64, 128, 256], levelBlocks: 2, residualBlocks: 2, attentionHeads: 4 },
      ...{ normalizationGroups: 32, downFilter: 3 },
    },
    ...{ codebookSize: 256, codeDimension: 1024, steps: 100_000, optimizer: "adamw", learningRate: 5e-4 },
  },
  adversarial: {
    ...hour.adversarial,
    ...{ steps: 100_000, learningRate: 1e-4, averageDecay: 0.999, startStep: 10_000, rampSteps: 10_000 },
  },
  ...{ kinds: 0, sequential: originalTransformer, absorbing: originalTransformer },
  chain: { ...originalTransformer, further: 0.1 },
  sampling: quick.sampling,
};

/** `smoke` takes seconds, `quick` twelve minutes on 2 cores, `hour` over one hour, `original` a GPU or weeks. */
export const presets = { smoke, quick, hour, original } as const satisfies Record<string, RunConfig>;

/** What a run may be asked to do. A folder's images are learned mirrored too, which are as good. */
export const runs = defineRuns({
  configSchema,
  presets,
  data: ["avatars", "folder"],
  forData: (config, { data }) => (data === "folder" ? { ...config, data: { ...config.data, mirrored: true } } : config),
});

/** What a run was asked to do; kept beside its checkpoints so that a resume does the same. */
export type RunSettings = SettingsOf<typeof runs>;

/** A sampler's options. */
export function samplerOptions(
  type: DiffusionName,
  { masks: { contextGuidance: guidance, noise, schedule }, rounds: { [type]: rounds } }: SamplingConfig,
  { codeGrid, hasKind }: { readonly codeGrid: VqVae["codeGrid"]; readonly hasKind: boolean },
): DiffusionSamplerOptions {
  const contextGuidance = hasKind ? 1 : guidance;
  switch (type) {
    case "chain":
      return { type, rounds };
    case "confidence":
      return { type, rounds, noise, contextGuidance };
    case "halton":
      return { type, rounds, contextGuidance, grid: { ...codeGrid, start: 1 } };
    default:
      return { type, rounds, schedule, contextGuidance };
  }
}

/** Settings of the drawing, but for what was typed. */
export function sampledAs(sampling: SamplingConfig, { temperature, topP }: SamplingFlags): SamplingConfig {
  const typed = temperature !== undefined && { temperature };
  const others = { ...(typed && { highTemperature: temperature }), ...(topP !== undefined && { topP }) };
  return { ...sampling, ...typed, ...others, masks: { ...sampling.masks, ...typed } };
}
