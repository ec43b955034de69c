import { type ConfigOf, type OptionsOf, oneOf, optional, pipe, rule, variant, wholeNumber } from "@mmgen/core/options";
import { type BatchNorm2d, Convolution2d, type ForwardPass, Module, TransposedConvolution2d } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { GridAttention } from "./grid-attention.js";
import { type Grid, Network, type NetworkEnds } from "./network.js";
import { activate, createNorm, ResidualBlock } from "./residual-block.js";

export const convolutionalSchema = pipe(
  variant("convolutional", {
    /** Channels of every hidden layer. Default: 256. */
    hiddenChannels: optional(wholeNumber({ min: 1 }), 256),
    /** Halvings of the image's side: two make 28×28 pixels 7×7 codes, three (the image padded to 32×32) 4×4. Default: 2. */
    stages: optional(wholeNumber({ min: 1, max: 8 }), 2),
    /** Residual blocks of the encoder at the code grid, and as many of the decoder. Default: 2. */
    residualBlocks: optional(wholeNumber({ min: 0 }), 2),
    /** Heads of a self-attention before each residual block; 0 for none. */
    attentionHeads: optional(wholeNumber({ min: 0 }), 0),
    /** Batch normalization before each nonlinearity, or none. */
    normalization: optional(oneOf(["batch", "none"]), "batch"),
  }),
  rule("attentionHeads", ({ attentionHeads, hiddenChannels }) =>
    attentionHeads > 0 && hiddenChannels % attentionHeads !== 0
      ? `expected a divisor of hiddenChannels ${hiddenChannels}, got ${attentionHeads}.`
      : undefined,
  ),
);

/** Options of a convolutional encoder and its mirrored decoder. */
export type ConvolutionalOptions = OptionsOf<typeof convolutionalSchema>;
/** {@link ConvolutionalOptions} with every default filled in. */
export type ConvolutionalConfig = ConfigOf<typeof convolutionalSchema>;

/** Convolutions that halve the image stage by stage, and transposed convolutions that double it back. */
export class ConvolutionalNetwork extends Network {
  readonly latentGrid: Grid;
  readonly encoder: ConvolutionalEncoder;
  readonly decoder: ConvolutionalDecoder;
  readonly #latentDimension: number;

  constructor(config: ConvolutionalConfig, ends: NetworkEnds) {
    super();
    const side = Math.ceil(ends.imageSide / 2 ** config.stages);
    this.latentGrid = { height: side, width: side };
    this.encoder = new ConvolutionalEncoder(config, ends, side);
    this.decoder = new ConvolutionalDecoder(config, ends, side);
    this.#latentDimension = ends.latentDimension;
  }

  encode(map: tf.Tensor4D, pass: ForwardPass): tf.Tensor2D {
    return tf.reshape(this.encoder.forward(map, pass), [-1, this.#latentDimension]);
  }

  decode(latents: tf.Tensor2D, pass: ForwardPass): tf.Tensor4D {
    const { height, width } = this.latentGrid;
    return this.decoder.forward(tf.reshape(latents, [-1, height, width, this.#latentDimension]), pass);
  }
}

/** `[batch, imageSide, imageSide, inputChannels]` → `[batch, side, side, latentDimension]`. */
class ConvolutionalEncoder extends Module {
  static override readonly paths = { blocks: "" };

  /** A norm and ReLU before each convolution but the first, which sees the pixels. */
  readonly down: readonly { readonly norm: BatchNorm2d | undefined; readonly conv: Convolution2d }[];
  readonly blocks: GridBlocks;
  readonly projection: Convolution2d | undefined;
  readonly #padding: Padding;

  constructor(config: ConvolutionalConfig, { imageSide, inputChannels, latentDimension }: NetworkEnds, side: number) {
    super();
    const { hiddenChannels, stages, normalization } = config;
    this.down = Array.from({ length: stages }, (_, stage) => ({
      norm: stage === 0 ? undefined : createNorm(hiddenChannels, normalization),
      conv: new Convolution2d({
        inputs: stage === 0 ? inputChannels : hiddenChannels,
        outputs: hiddenChannels,
        filter: 4,
        stride: 2,
      }),
    }));
    this.blocks = createGridBlocks(config, side);
    this.projection =
      latentDimension === hiddenChannels
        ? undefined
        : new Convolution2d({ inputs: hiddenChannels, outputs: latentDimension, filter: 1 });
    this.#padding = paddingOf(config, imageSide, side);
  }

  forward(map: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    let x = padded(map, this.#padding);
    for (const [stage, { norm, conv }] of this.down.entries()) {
      x = conv.forward(stage === 0 ? x : activate(x, norm, pass));
    }
    x = forwardBlocks(this.blocks, x, pass);
    return this.projection ? this.projection.forward(x) : x;
  }
}

/** The encoder's mirror: its grid of vectors → `[batch, imageSide, imageSide, outputChannels]`. */
class ConvolutionalDecoder extends Module {
  static override readonly paths = { blocks: "" };

  readonly projection: Convolution2d | undefined;
  readonly blocks: GridBlocks;
  readonly up: readonly { readonly norm: BatchNorm2d | undefined; readonly conv: TransposedConvolution2d }[];
  readonly #padding: Padding;

  constructor(config: ConvolutionalConfig, { imageSide, outputChannels, latentDimension }: NetworkEnds, side: number) {
    super();
    const { hiddenChannels, stages, normalization } = config;
    this.projection =
      latentDimension === hiddenChannels
        ? undefined
        : new Convolution2d({ inputs: latentDimension, outputs: hiddenChannels, filter: 1 });
    this.blocks = createGridBlocks(config, side);
    this.up = Array.from({ length: stages }, (_, stage) => ({
      norm: createNorm(hiddenChannels, normalization),
      conv: new TransposedConvolution2d({
        inputs: hiddenChannels,
        outputs: stage === stages - 1 ? outputChannels : hiddenChannels,
        filter: 4,
        stride: 2,
      }),
    }));
    this.#padding = paddingOf(config, imageSide, side);
  }

  forward(latents: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    let x = this.projection ? this.projection.forward(latents) : latents;
    x = forwardBlocks(this.blocks, x, pass);
    for (const { norm, conv } of this.up) {
      x = conv.forward(activate(x, norm, pass));
    }
    return cropped(x, this.#padding);
  }
}

/** Modules at the code grid by name, `attention.0`, `residual.0`, …, in the order in which they run. */
type GridBlocks = Readonly<Record<string, GridAttention | ResidualBlock>>;

/** Residual blocks, each after a self-attention where the configuration asks for it. */
function createGridBlocks(config: ConvolutionalConfig, side: number): GridBlocks {
  const { attentionHeads: heads, hiddenChannels: channels, normalization, residualBlocks } = config;
  const blocks: Record<string, GridAttention | ResidualBlock> = {};
  for (let block = 0; block < residualBlocks; block++) {
    if (heads > 0) {
      blocks[`attention.${block}`] = new GridAttention({ channels, heads, side, normalization });
    }
    blocks[`residual.${block}`] = new ResidualBlock(channels, normalization);
  }
  return blocks;
}

function forwardBlocks(blocks: GridBlocks, x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
  return Object.values(blocks).reduce((held, block) => block.forward(held, pass), x);
}

/** Rows (and columns) of zeros that make a side divisible: before the first, after the last. */
type Padding = readonly [before: number, after: number];

function paddingOf({ stages }: ConvolutionalConfig, imageSide: number, side: number): Padding {
  const missing = side * 2 ** stages - imageSide;
  return [Math.floor(missing / 2), Math.ceil(missing / 2)];
}

function padded(x: tf.Tensor4D, [before, after]: Padding): tf.Tensor4D {
  const rows: [number, number] = [before, after];
  return after === 0 ? x : tf.pad(x, [[0, 0], rows, rows, [0, 0]]);
}

function cropped(x: tf.Tensor4D, [before, after]: Padding): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const kept = [batch, height - before - after, width - before - after, channels] as const;
  return after === 0 ? x : tf.slice(x, [0, before, before, 0], [...kept]);
}
