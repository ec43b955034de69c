import type { Random } from "@mmgen/core";
import {
  boolean,
  type ConfigOf,
  fields,
  type OptionsOf,
  oneOf,
  optional,
  resolveOptions,
  seededRandom,
  wholeNumber,
} from "@mmgen/core/options";
import { type ForwardPass, GroupNorm, leakyRelu, Module } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";
import { blur } from "./blur.js";
import { DiscriminatorConvolution } from "./discriminator-convolution.js";

const discriminatorFields = {
  /** Channels of the first layer; each further one has twice as many, up to eight times. Default: 32. */
  baseChannels: optional(wholeNumber({ min: 1 }), 32),
  /** Halvings of the sides: with three a score is of a patch of 46×46 pixels, with two of 22×22. Default: 3. */
  levels: optional(wholeNumber({ min: 1, max: 8 }), 3),
  /**
   * `spectral`: each filter divided by its largest singular value; `group`: a norm over each image's groups of channels,
   * after all layers but the first and the last. Default: "spectral".
   */
  normalization: optional(oneOf(["spectral", "group"]), "spectral"),
  /** Whether what a layer halves is blurred first, so that patterns of single pixels do not alias. Default: false. */
  blurPool: optional(boolean(), false),
};

/** Schema of a discriminator whose channels are the images'. */
export const discriminatorSchema = fields(discriminatorFields);
const patchDiscriminatorSchema = fields({
  /** Of the images. Default: 3. */
  channels: optional(wholeNumber({ min: 1 }), 3),
  ...discriminatorFields,
});
const drawSchema = fields({ random: seededRandom() });

/** Options of a {@link PatchDiscriminator}; every field may be left out. */
export type PatchDiscriminatorOptions = OptionsOf<typeof patchDiscriminatorSchema>;
/** {@link PatchDiscriminatorOptions} with every default filled in. */
export type PatchDiscriminatorConfig = ConfigOf<typeof patchDiscriminatorSchema>;

/** What a {@link PatchDiscriminator} says of a batch of images. */
export interface DiscriminatorOutput {
  /** One score a patch, high where it looks real, `[batch, height / 2^levels, width / 2^levels, 1]`. */
  readonly scores: tf.Tensor4D;
  /** The output of each layer, `[batch, height, width, channels]`. */
  readonly features: readonly tf.Tensor4D[];
}

/** A layer, and the norm after its convolution. */
export interface DiscriminatorLayer {
  readonly conv: DiscriminatorConvolution;
  readonly norm: GroupNorm | undefined;
}

/**
 * Scores patches of images as real or made: 4×4 convolutions of stride 2, leaky ReLU of slope 0.2, no batch norm.
 *
 * @see Isola et al. 2017, https://arxiv.org/abs/1611.07004
 */
export class PatchDiscriminator extends Module {
  /** Every field, defaults filled in. */
  readonly config: PatchDiscriminatorConfig;
  readonly layers: readonly DiscriminatorLayer[];
  readonly output: DiscriminatorConvolution;

  /** Declares the weights; {@link PatchDiscriminator.create} gives them values. Takes a resolved configuration. */
  constructor(config: PatchDiscriminatorConfig) {
    super();
    const { baseChannels, blurPool: _, channels, levels, normalization } = config;
    this.config = config;
    const widths = Array.from({ length: levels }, (__, level) => baseChannels * 2 ** Math.min(level, 3));
    const isSpectral = normalization === "spectral";
    this.layers = widths.map((outputs, level) => ({
      conv: new DiscriminatorConvolution({
        inputs: level === 0 ? channels : widths[level - 1]!,
        outputs,
        stride: 2,
        isSpectral,
      }),
      norm: isSpectral || level === 0 ? undefined : new GroupNorm({ channels: outputs }),
    }));
    this.output = new DiscriminatorConvolution({ inputs: widths.at(-1)!, outputs: 1, stride: 1, isSpectral });
  }

  /**
   * Creates a discriminator with fresh weights.
   *
   * @param draw - `random`: the same seed gives the same discriminator.
   * @throws a `ConfigError` naming the fields that are unknown or out of range.
   */
  static create(options: PatchDiscriminatorOptions, draw: { readonly random: Random }): PatchDiscriminator {
    const config = resolveOptions(patchDiscriminatorSchema, options);
    const { random } = resolveOptions(drawSchema, draw);
    return new PatchDiscriminator(config).initializeWeights(random);
  }

  /**
   * Turns each spectral norm's direction, drawn at random, toward the one that its filter stretches most: before the first
   * step, which would else be taken with a norm that is too small.
   */
  async initialize(): Promise<void> {
    this.checkUsable();
    for (const { conv } of [...this.layers, { conv: this.output }]) {
      await conv.settle();
    }
  }

  /**
   * Scores batches, all with the same normalized weights.
   *
   * @param batches - Pixels in [−1, 1], `[batch, height, width, channels]` each; borrowed.
   * @param pass - In training the spectral norms take a step, and `pass.statistics` receives their new directions by the
   *   names of the buffers.
   * @returns One output a batch; the surrounding `tf.tidy`'s.
   */
  forward(batches: readonly tf.Tensor4D[], pass: ForwardPass): DiscriminatorOutput[] {
    const layers = this.layers.map(({ conv, norm }) => ({ convolve: conv.prepare(pass), norm }));
    const toScores = this.output.prepare(pass);
    return batches.map((images) => {
      const features: tf.Tensor4D[] = [];
      let x = images;
      for (const { convolve, norm } of layers) {
        const convolved = convolve(this.config.blurPool ? blur(x) : x);
        x = leakyRelu(norm ? norm.forward(convolved) : convolved, 0.2);
        features.push(x);
      }
      return { scores: toScores(x), features };
    });
  }
}
