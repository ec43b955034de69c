import { Convolution2d, type ForwardPass, Module, TransposedConvolution2d } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type ConvolutionalConfig, levelsOf } from "./convolutional-config.js";
import { GridAttention } from "./grid-attention.js";
import { type Grid, Network, type NetworkEnds } from "./network.js";
import { activate, createNorm, type Norm, ResidualBlock } from "./residual-block.js";

/** Convolutions that halve the image level by level, and a decoder that doubles it back. */
export class ConvolutionalNetwork extends Network {
  readonly latentGrid: Grid;
  readonly encoder: ConvolutionalEncoder;
  readonly decoder: ConvolutionalDecoder;
  readonly #latentDimension: number;

  constructor(config: ConvolutionalConfig, ends: NetworkEnds) {
    super();
    const places = (pixels: number) => Math.ceil(pixels / 2 ** levelsOf(config).length);
    const grid = { height: places(ends.image.height), width: places(ends.image.width) };
    this.latentGrid = grid;
    this.encoder = new ConvolutionalEncoder(config, ends, grid);
    this.decoder = new ConvolutionalDecoder(config, ends, grid);
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

/** A change of the side and the residual blocks after it. */
interface Level<Resampling> {
  readonly norm: Norm;
  readonly conv: Resampling;
  readonly residual: readonly ResidualBlock[];
}

/** Images, `[batch, …image, inputChannels]`, → `[batch, …grid, latentDimension]`. */
class ConvolutionalEncoder extends Module {
  static override readonly paths = { blocks: "" };

  /** A norm and nonlinearity before each convolution but the first, which sees the pixels. */
  readonly down: readonly Level<Convolution2d>[];
  readonly blocks: GridBlocks;
  readonly projection: Convolution2d | undefined;
  readonly #config: ConvolutionalConfig;
  readonly #padding: Padding;

  constructor(config: ConvolutionalConfig, { image, inputChannels, latentDimension }: NetworkEnds, grid: Grid) {
    super();
    const levels = levelsOf(config);
    const gridChannels = levels.at(-1)!;
    this.down = levels.map((outputs, level) => ({
      norm: level === 0 ? undefined : createNorm(levels[level - 1]!, config),
      conv: new Convolution2d({
        inputs: level === 0 ? inputChannels : levels[level - 1]!,
        outputs,
        // Of an even side, "same" pads a 3×3 filter after the last row and column alone.
        filter: config.downFilter,
        stride: 2,
      }),
      residual: level === levels.length - 1 ? [] : createLevelBlocks(config, outputs),
    }));
    this.blocks = createGridBlocks(config, grid);
    this.projection =
      latentDimension === gridChannels
        ? undefined
        : new Convolution2d({ inputs: gridChannels, outputs: latentDimension, filter: 1 });
    this.#config = config;
    this.#padding = paddingOf(config, image, grid);
  }

  forward(map: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const { activation } = this.#config;
    let x = padded(map, this.#padding);
    for (const [level, { norm, conv, residual }] of this.down.entries()) {
      x = conv.forward(level === 0 ? x : activate(x, { norm, activation, pass }));
      x = residual.reduce((held, block) => block.forward(held, pass), x);
    }
    x = forwardBlocks(this.blocks, x, pass);
    return this.projection ? this.projection.forward(x) : x;
  }
}

/** The encoder's mirror: its grid of vectors → `[batch, …image, outputChannels]`. */
class ConvolutionalDecoder extends Module {
  static override readonly paths = { blocks: "" };

  readonly projection: Convolution2d | undefined;
  readonly blocks: GridBlocks;
  readonly up: readonly Level<TransposedConvolution2d | Convolution2d>[];
  /** From the channels that repeated pixels leave to the image's; a transposed convolution goes there by itself. */
  readonly output: { readonly norm: Norm; readonly conv: Convolution2d } | undefined;
  readonly #config: ConvolutionalConfig;
  readonly #padding: Padding;

  constructor(config: ConvolutionalConfig, { image, outputChannels, latentDimension }: NetworkEnds, grid: Grid) {
    super();
    const inward = levelsOf(config);
    const isNearest = config.upsampling === "nearest";
    const [gridChannels, lastChannels] = [inward.at(-1)!, inward[0]!];
    this.projection =
      latentDimension === gridChannels
        ? undefined
        : new Convolution2d({ inputs: latentDimension, outputs: gridChannels, filter: 1 });
    this.blocks = createGridBlocks(config, grid);
    this.up = [...inward].reverse().map((inputs, step, outward) => {
      const isLast = step === outward.length - 1;
      const outputs = isLast ? (isNearest ? inputs : outputChannels) : outward[step + 1]!;
      return {
        norm: createNorm(inputs, config),
        conv: isNearest
          ? new Convolution2d({ inputs, outputs, filter: 3, upsample: true })
          : new TransposedConvolution2d({ inputs, outputs, filter: 4, stride: 2 }),
        residual: isLast ? [] : createLevelBlocks(config, outputs),
      };
    });
    this.output = isNearest
      ? {
          norm: createNorm(lastChannels, config),
          conv: new Convolution2d({ inputs: lastChannels, outputs: outputChannels, filter: 3 }),
        }
      : undefined;
    this.#config = config;
    this.#padding = paddingOf(config, image, grid);
  }

  forward(latents: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const { activation } = this.#config;
    let x = this.projection ? this.projection.forward(latents) : latents;
    x = forwardBlocks(this.blocks, x, pass);
    for (const { norm, conv, residual } of this.up) {
      x = conv.forward(activate(x, { norm, activation, pass }));
      x = residual.reduce((held, block) => block.forward(held, pass), x);
    }
    if (this.output) {
      const { norm, conv } = this.output;
      x = conv.forward(activate(x, { norm, activation, pass }));
    }
    return cropped(x, this.#padding);
  }
}

function createLevelBlocks(config: ConvolutionalConfig, channels: number): ResidualBlock[] {
  return Array.from({ length: config.levelBlocks }, () => new ResidualBlock(channels, config));
}

/** Modules at the code grid by name, `attention.0`, `residual.0`, …, in the order in which they run. */
type GridBlocks = Readonly<Record<string, GridAttention | ResidualBlock>>;

/** Residual blocks, each after a self-attention where the configuration asks for it. */
function createGridBlocks(config: ConvolutionalConfig, grid: Grid): GridBlocks {
  const { attentionHeads: heads, residualBlocks } = config;
  const channels = levelsOf(config).at(-1)!;
  const blocks: Record<string, GridAttention | ResidualBlock> = {};
  for (let block = 0; block < residualBlocks; block++) {
    if (heads > 0) {
      blocks[`attention.${block}`] = new GridAttention({ ...config, channels, heads, grid });
    }
    blocks[`residual.${block}`] = new ResidualBlock(channels, config);
  }
  return blocks;
}

function forwardBlocks(blocks: GridBlocks, x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
  return Object.values(blocks).reduce((held, block) => block.forward(held, pass), x);
}

/** Rows and columns of zeros that make the sides divisible: before the first, after the last. */
interface Padding {
  readonly rows: [before: number, after: number];
  readonly columns: [before: number, after: number];
}

function paddingOf(config: ConvolutionalConfig, image: Grid, grid: Grid): Padding {
  const split = (pixels: number, places: number): [number, number] => {
    const missing = places * 2 ** levelsOf(config).length - pixels;
    return [Math.floor(missing / 2), Math.ceil(missing / 2)];
  };
  return { rows: split(image.height, grid.height), columns: split(image.width, grid.width) };
}

const isNone = ({ rows, columns }: Padding): boolean => rows[1] === 0 && columns[1] === 0;

function padded(x: tf.Tensor4D, padding: Padding): tf.Tensor4D {
  return isNone(padding) ? x : tf.pad(x, [[0, 0], padding.rows, padding.columns, [0, 0]]);
}

function cropped(x: tf.Tensor4D, padding: Padding): tf.Tensor4D {
  const { columns, rows } = padding;
  const [batch, height, width, channels] = x.shape;
  const kept = [batch, height - rows[0] - rows[1], width - columns[0] - columns[1], channels] as const;
  return isNone(padding) ? x : tf.slice(x, [0, rows[0], columns[0], 0], [...kept]);
}
