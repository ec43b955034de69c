import type { Random } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  seededRandom,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import type { WeightNames } from "@mmgen/nn/layers";
import { compositionSchema, explainComposition } from "../compositions/create-composition.js";
import {
  explainHead,
  explainReconstruction,
  reconstructionHeadNames,
  reconstructionSchema,
} from "../compositions/reconstruction-head.js";
import { networkSchema } from "../networks/create-network.js";
import { quantizerSchema } from "../quantizers/create-quantizer.js";
import { imageSideSchema } from "./image-side.js";

const vqVaeSchema = pipe(
  fields({
    /** Height and width of an image, in pixels: one number of square images, `{ height, width }` of others. Default: 28. */
    imageSide: optional(imageSideSchema, 28),
    /** 3 for color, 1 for gray. Default: 3. */
    channels: optional(wholeNumber({ min: 1 }), 3),
    /** The largest level of a channel: 3 for colored MNIST, 255 for ordinary images. Default: 3. */
    maxValue: optional(wholeNumber({ min: 1, max: 255 }), 3),
    /** How an image is described: as a whole, or as one flat color on another. Default: `whole`. */
    composition: optional(compositionSchema, {}),
    /** Encoder and decoder. Default: `convolutional`. */
    network: optional(networkSchema, {}),
    /** From latent vectors to codes and back. Default: `vector`. */
    quantizer: optional(quantizerSchema, {}),
    /** How the decoder's output becomes levels, and its loss. Default: "regression". */
    head: optional(oneOf(reconstructionHeadNames), "regression"),
    /** Loss of the heads `regression` and `sigmoid`: absolute and squared error, weighted. Default: squared error alone. */
    reconstruction: optional(reconstructionSchema, {}),
  }),
  rule("head", ({ head, maxValue }) => explainHead(head, maxValue)),
  rule("reconstruction", ({ head, reconstruction }) => explainReconstruction(head, reconstruction)),
  rule("composition", ({ composition, channels, head, maxValue }) =>
    explainComposition(composition, { channels, valuesPerChannel: head === "categorical" ? maxValue + 1 : 1 }),
  ),
);

/** Options of a `VqVae`; every field may be left out. */
export type VqVaeOptions = OptionsOf<typeof vqVaeSchema>;
/** Everything that determines a `VqVae`'s shapes and losses, every default filled in; plain JSON. */
export type VqVaeConfig = ConfigOf<typeof vqVaeSchema>;

/**
 * Fills in the defaults and checks every field.
 *
 * @throws a `ConfigError` naming the fields that are unknown, out of range or in conflict with others.
 */
export function resolveVqVae(options: VqVaeOptions): VqVaeConfig {
  return resolveOptions(vqVaeSchema, options);
}

/** Configurations by name, to be spread into the options of `VqVae.create`; what they leave out is the default. */
export const vqVaePresets = {
  /**
   * The VQ-VAE of the colored-mnist write-up: 256 channels, 7×7 codes out of 128 of 256 dimensions learned by gradients,
   * squared error. The losses are the corrected ones: in the write-up a stop-gradient in both terms kept the codebook
   * from learning. The codebook starts uniform, as it did there.
   */
  "colored-mnist": {
    network: { type: "convolutional" },
    quantizer: {
      type: "vector",
      codeDimension: 256,
      codebook: "gradient",
      start: "uniform",
      deadCodeThreshold: 0,
    },
  },
  /**
   * The VQ-VAE of mnist-vlm: gray digits of 28×28 pixels as eight codes, one of 26 letters each. Fully connected
   * 784 → 128 → 32 with ReLU; the 32 values in chunks of 4; one codebook for all chunks, from k-means of the first batch,
   * learned by gradients.
   */
  "mnist-vlm": {
    channels: 1,
    maxValue: 255,
    network: { type: "dense", hidden: [128], latentActivation: "relu" },
    quantizer: {
      type: "product",
      chunks: 8,
      codeDimension: 4,
      codebookSize: 26,
      sharedCodebook: true,
      codebook: "gradient",
      deadCodeThreshold: 0,
    },
    head: "sigmoid",
  },
  /**
   * Images of 64×64 pixels and many colors, such as faces, on two cores: 8×8 codes of 1024. It is trained in batches of 8;
   * the package's README has the whole recipe.
   */
  "faces-64": {
    imageSide: 64,
    maxValue: 255,
    network: {
      type: "convolutional",
      levels: [24, 48, 96],
      levelBlocks: 1,
      residualBlocks: 2,
      residualFilter: 3,
      attentionHeads: 4,
      normalization: "group",
      activation: "silu",
      upsampling: "nearest",
    },
    quantizer: { type: "vector", codebookSize: 1024, codeDimension: 96 },
  },
  /**
   * The size of the latent-faces write-up, for a GPU or for days: 128×128 pixels as 16×16 codes out of 256 of 1024
   * dimensions, in the VQGAN's kind of network.
   */
  "latent-faces": {
    imageSide: 128,
    maxValue: 255,
    network: {
      type: "convolutional",
      levels: [64, 128, 256],
      levelBlocks: 2,
      residualBlocks: 2,
      residualFilter: 3,
      attentionHeads: 4,
      normalization: "group",
      normalizationGroups: 32,
      activation: "silu",
      downFilter: 3,
      upsampling: "nearest",
    },
    quantizer: { type: "vector", codebookSize: 256, codeDimension: 1024 },
  },
} as const satisfies Record<string, VqVaeOptions>;

/** How a PyTorch program's file is read. */
export interface PyTorchOptions {
  /** The model that wrote the file, in this package's terms. */
  readonly config: VqVaeOptions;
  /** The program's names of the weights; the names of this package's own files when absent. */
  readonly names?: WeightNames;
}

/**
 * The names in mnist-vlm's published autoencoder, the configuration `vqVaePresets["mnist-vlm"]`.
 *
 * @see https://github.com/suyashss/mnist_vlm/blob/main/vqvae_model.py
 */
export const mnistVlmNames: WeightNames = {
  names: {
    "encoder.0": "encoder.fc1",
    "encoder.1": "encoder.fc2",
    "quantizer.codebook": "quantizer.embedding.weight",
    "decoder.0": "decoder.fc1",
    "decoder.1": "decoder.fc2",
  },
};

const namesSchema = optional(
  value<WeightNames>("an object of weight names", (names) => names instanceof Object),
  {},
);
const pyTorchSchema = fields({ config: vqVaeSchema, names: namesSchema });
const drawSchema = fields({ random: seededRandom() });

/** Checks {@link PyTorchOptions}; the names themselves are checked where they are used. */
export function resolvePyTorch(options: PyTorchOptions): { readonly config: VqVaeConfig; readonly names: WeightNames } {
  return resolveOptions(pyTorchSchema, options);
}

/** Checks the options of `VqVae.savePyTorch`. */
export function resolveNames(options: Pick<PyTorchOptions, "names">): WeightNames {
  return resolveOptions(fields({ names: namesSchema }), options).names;
}

/** Checks the second argument of `VqVae.create`, left out where a caller has no types. */
export function resolveDraw(draw: { readonly random: Random } | undefined): Random {
  return resolveOptions(drawSchema, draw === undefined ? {} : draw).random;
}
