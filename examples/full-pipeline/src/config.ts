import {
  boolean,
  type ConfigOf,
  fields,
  listOf,
  number,
  oneOf,
  optional,
  pipe,
  positiveNumber,
  rule,
  text,
  wholeNumber,
} from "@mmgen/core/options";
import { defineRuns, fromCaller, type SettingsOf } from "@mmgen/example-harness";
import { modelFamilies } from "mmgen";

const size = wholeNumber({ min: 1 });
const rate = positiveNumber();

/** Share of the weights' running average that a step keeps; the trained model has the averages. */
const averageDecay = number({ above: 0, below: 1 });

const training = {
  epochs: size,
  batchSize: size,
  /** Absent: AdamW. */
  optimizer: optional(oneOf(["adamw", "muon"])),
  learningRate: rate,
  /** Steps over which the learning rate climbs, before it falls along a cosine to 0. */
  warmUpSteps: wholeNumber({ min: 0 }),
  clipNorm: rate,
  weightDecay: number({ min: 0 }),
};

/** Every choice of a run that shapes its result. */
export const configSchema = fields({
  data: fields({
    /** Images to train on, drawn from the source's training part; of a folder all but the test images. */
    trainCount: size,
    /** Images of the source's test part to evaluate on. */
    testCount: size,
    /** Sides of avatars, and of what a folder's images are brought to, in pixels: 64, and 32 in `smoke`. */
    side: optional(size, 32),
    /** Largest level of a channel of a folder's images; below 255 they are spread evenly. */
    maxValue: optional(wholeNumber({ min: 1, max: 255 }), 255),
  }),
  vqvae: pipe(
    fields({
      /** `whole`: every code describes a place of the image; `figure-ground`: two flat colors, and the codes of a shape. */
      composition: oneOf(["whole", "figure-ground"]),
      /** Of `figure-ground`: colors in two codes `before` the shape's, or `within` the first two of these. */
      palettePlace: optional(oneOf(["before", "within"]), "before"),
      network: fields({
        hiddenChannels: optional(size),
        /** Halvings of the image's side: two give 28×28 pixels 7×7 codes, three 4×4. */
        stages: optional(wholeNumber({ min: 1, max: 8 })),
        /** In place of the two: channels of each level, every one at half the side of the level before. */
        levels: optional(listOf(size, { minLength: 1 })),
        /** Residual blocks at each level. */
        levelBlocks: optional(wholeNumber({ min: 0 })),
        residualFilter: optional(wholeNumber({ min: 1, max: 7 })),
        normalization: optional(oneOf(["batch", "group"])),
        activation: optional(oneOf(["relu", "silu"])),
        upsampling: optional(oneOf(["transposed", "nearest"])),
        residualBlocks: wholeNumber({ min: 0 }),
        /** Heads of the self-attention before each residual block; 0: none. */
        attentionHeads: wholeNumber({ min: 0 }),
      }),
      quantizer: fields({
        codebookSize: size,
        codeDimension: size,
        codebook: oneOf(["ema", "gradient"]),
        commitmentWeight: number({ min: 0 }),
      }),
      /** `regression`: levels as numbers; `categorical`: one softmax over the levels of each pixel and channel. */
      head: oneOf(["regression", "categorical"]),
      ...training,
      /**
       * How it goes on learning, so that its images show what captions say; absent: not at all. What captions say is learned
       * by a classifier in `classifierSteps`, whose layers then compare.
       */
      refinement: optional(fields({ steps: size, averageDecay, classifierSteps: size })),
    }),
    rule("palettePlace", ({ composition, palettePlace }) =>
      composition === "whole" && palettePlace === "within"
        ? 'only "figure-ground" has a palette to put "within".'
        : undefined,
    ),
  ),
  transformer: fields({
    width: size,
    heads: size,
    layers: size,
    dropout: number({ min: 0, max: 0.9 }),
    normalization: optional(oneOf(["layer", "rms"])),
    feedForward: optional(oneOf(["gelu", "swiglu"])),
    /** Whether attention normalizes its queries and keys. */
    queryKeyNorm: optional(boolean()),
    averageDecay: optional(averageDecay),
    ...training,
    /** Weight of a caption word's loss; an image code's is 1. */
    textWeight: rate,
    /** Share of training sequences that put the text first; the others put the image first. */
    textFirstShare: number({ min: 0, max: 1 }),
  }),
  /** Of `--family diffusion` alone. */
  diffusion: optional(
    fields({
      /** How closely drawn images follow their captions; 1: as learned. */
      guidance: optional(number(), 1.5),
      /** Rounds in which a pair is found. */
      rounds: optional(size, 16),
    }),
    {},
  ),
  sampling: fields({ temperature: number({ min: 0 }), topP: number({ above: 0, max: 1 }) }),
  evaluation: fields({
    /** Generated images, and as many captions and pairs, that the attribute accuracies are taken from. */
    samples: size,
    /** Training steps of the attribute classifier. */
    classifierSteps: size,
  }),
});

export type RunConfig = ConfigOf<typeof configSchema>;

const smallData = { side: 32, maxValue: 255 };
const diffusion = { guidance: 1.5, rounds: 16 };

const quick: RunConfig = {
  data: { trainCount: 50_000, testCount: 1_000, ...smallData },
  vqvae: {
    composition: "figure-ground",
    palettePlace: "before",
    network: { hiddenChannels: 48, stages: 3, residualBlocks: 2, attentionHeads: 2 },
    quantizer: { codebookSize: 256, codeDimension: 16, codebook: "ema", commitmentWeight: 0.25 },
    head: "categorical",
    ...{ epochs: 2, batchSize: 64, learningRate: 2e-3, warmUpSteps: 50, clipNorm: 1, weightDecay: 0 },
  },
  transformer: {
    ...{ width: 128, heads: 4, layers: 4, dropout: 0 },
    ...{ epochs: 5, batchSize: 64, learningRate: 2e-3, warmUpSteps: 100, clipNorm: 1, weightDecay: 0.01 },
    ...{ textWeight: 2, textFirstShare: 0.5 },
  },
  diffusion,
  sampling: { temperature: 0.8, topP: 0.9 },
  evaluation: { samples: 200, classifierSteps: 1000 },
};

const smoke: RunConfig = {
  data: { trainCount: 512, testCount: 128, ...smallData },
  vqvae: {
    ...quick.vqvae,
    network: { hiddenChannels: 16, stages: 3, residualBlocks: 1, attentionHeads: 2 },
    ...{ quantizer: { ...quick.vqvae.quantizer, codebookSize: 64 }, epochs: 2, warmUpSteps: 2 },
  },
  transformer: { ...quick.transformer, width: 32, heads: 2, layers: 2, epochs: 2, warmUpSteps: 2 },
  ...{ diffusion, sampling: quick.sampling },
  evaluation: { samples: 18, classifierSteps: 20 },
};

const hour: RunConfig = {
  data: { trainCount: 55_000, testCount: 10_000, ...smallData },
  vqvae: { ...quick.vqvae, epochs: 4 },
  transformer: {
    ...quick.transformer,
    ...{ width: 192, heads: 6, layers: 5, dropout: 0.1 },
    ...{ epochs: 14, learningRate: 1.5e-3, warmUpSteps: 400, weightDecay: 0.05 },
  },
  diffusion,
  sampling: quick.sampling,
  evaluation: { samples: 1000, classifierSteps: 2000 },
};

const grid: RunConfig = {
  ...hour,
  vqvae: {
    ...hour.vqvae,
    palettePlace: "within",
    network: { ...hour.vqvae.network, stages: 2 },
    quantizer: { ...hour.vqvae.quantizer, codebookSize: 16 },
    epochs: 3,
  },
  transformer: { ...hour.transformer, epochs: 8, textWeight: 4 },
};

/** The network of `vqVaePresets["faces-64"]`. */
const imageNetwork: RunConfig["vqvae"]["network"] = {
  ...{ levels: [24, 48, 96], levelBlocks: 1, residualBlocks: 2, residualFilter: 3, attentionHeads: 4 },
  ...{ normalization: "group", activation: "silu", upsampling: "nearest" },
};

const whole: RunConfig = {
  ...{ ...grid, sampling: { temperature: 0.5, topP: 0.9 } },
  vqvae: {
    ...grid.vqvae,
    ...{ composition: "whole", palettePlace: "before", head: "regression" },
    network: { ...imageNetwork, levels: [48, 96] },
    quantizer: { ...grid.vqvae.quantizer, codebookSize: 512, codeDimension: 64 },
    ...{ epochs: 2, batchSize: 8, warmUpSteps: 100 },
  },
};

const full: RunConfig = {
  data: { trainCount: 60_000, testCount: 10_000, ...smallData },
  vqvae: {
    composition: "whole",
    palettePlace: "before",
    network: { hiddenChannels: 256, stages: 2, residualBlocks: 2, attentionHeads: 0 },
    quantizer: { codebookSize: 128, codeDimension: 256, codebook: "ema", commitmentWeight: 0.25 },
    head: "regression",
    ...{ epochs: 30, batchSize: 128, learningRate: 1e-3, warmUpSteps: 0, clipNorm: 1, weightDecay: 0 },
  },
  transformer: {
    ...{ width: 128, heads: 4, layers: 4, dropout: 0.1 },
    ...{ epochs: 30, batchSize: 128, learningRate: 1e-3, warmUpSteps: 1000, clipNorm: 1, weightDecay: 0 },
    ...{ textWeight: 1, textFirstShare: 0.5 },
  },
  diffusion,
  sampling: { temperature: 1, topP: 1 },
  evaluation: { samples: 1000, classifierSteps: 2000 },
};

/**
 * Sizes and schedules: `smoke` runs in seconds for CI, `quick` in minutes, `hour` in an hour at the best quality, `grid`
 * in an hour and a half with codes in a 7×7 grid, `whole` likewise with codes that each describe shape and colors of their
 * place; `full` has the sizes of the published system and takes eight hours.
 */
export const presets = { smoke, quick, hour, grid, whole, full } as const satisfies Record<string, RunConfig>;

export const command = "npm start";

/** What a run may be asked to do. */
export const runs = defineRuns({
  configSchema,
  presets,
  data: ["auto", "mnist", "procedural", "colored-mnist", "folder", "avatars"],
  forData: (config, { data, preset }) =>
    data === "folder" || data === "avatars" ? forImages(config, preset === "smoke") : config,
  forFile: ({ vqvae }, { data, preset }) => {
    const isFlat = vqvae.composition === "figure-ground";
    const hasImages = data === "avatars" || (data === "folder" && !isFlat);
    // Flat shapes on a flat ground are what all presets but `whole` suit.
    const own = isFlat && preset === "whole" ? grid : presets[preset];
    const base = hasImages ? forImages(own, preset === "smoke") : own;
    const { hiddenChannels, levels, stages } = vqvae.network;
    const saysBoth = levels !== undefined && (hiddenChannels ?? stages) !== undefined;
    return saysBoth && base.vqvae.network.levels !== undefined ? withoutLevels(base) : base;
  },
  own: {
    // How the transformer writes, one id after the other where nothing is said; the folder of the run to go on from.
    fields: { family: optional(oneOf(modelFamilies)), from: optional(text()) },
    resolve: ({ family, from }) => ({ ...(family && { family }), ...(from && { from: fromCaller(from) }) }),
  },
});

/** What a run was asked to do; kept beside its checkpoints so that a resume does the same. */
export type RunSettings = SettingsOf<typeof runs>;

/**
 * A preset for avatars and a folder's images, which need not be flat shapes: whole images of 64×64 pixels and many colors
 * as 8×8 codes, and captions of about 20 words.
 */
function forImages(preset: RunConfig, isSmoke: boolean): RunConfig {
  const { data, transformer } = preset;
  const isLong = data.testCount > 1000;
  const vqvae = { ...preset.vqvae, composition: "whole", palettePlace: "before", head: "regression" } as const;
  if (isSmoke) {
    const network = { ...imageNetwork, levels: [8, 16, 16], attentionHeads: 2, levelBlocks: 0 };
    return {
      ...preset,
      data: { ...data, trainCount: 256, testCount: 64 },
      vqvae: { ...vqvae, network, batchSize: 16, refinement: { steps: 8, averageDecay: 0.9, classifierSteps: 4 } },
    };
  }
  return {
    ...preset,
    data: { ...data, side: 64, trainCount: isLong ? 9000 : 6000, testCount: isLong ? 1000 : 500 },
    vqvae: {
      ...vqvae,
      ...{ network: imageNetwork, quantizer: { ...vqvae.quantizer, codebookSize: 1024, codeDimension: 96 } },
      ...{ epochs: isLong ? 7 : 2, batchSize: 8 },
      refinement: isLong
        ? { steps: 2000, averageDecay: 0.995, classifierSteps: 1000 }
        : { steps: 400, averageDecay: 0.99, classifierSteps: 300 },
    },
    transformer: {
      ...{ ...transformer, batchSize: 32, epochs: isLong ? 18 : 12, dropout: 0, averageDecay: 0.995 },
      ...{ normalization: "rms", feedForward: "swiglu", queryKeyNorm: true },
    },
  };
}

/** As many halvings, all with the channels of the last: for a file that gives `hiddenChannels` or `stages` in place of levels. */
function withoutLevels({ vqvae, ...rest }: RunConfig): RunConfig {
  const { levels = [], ...network } = vqvae.network;
  const channels = { hiddenChannels: levels.at(-1)!, stages: levels.length };
  return { ...rest, vqvae: { ...vqvae, network: { ...network, ...channels } } };
}
