import { type ConfigOf, type OptionsOf, oneOf, optional, pipe, rule, variant, wholeNumber } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { convolution, type Layer, rectifier, sequence, transposedConvolution } from "./layers.js";
import type { Network, NetworkEnds } from "./network.js";
import { normalization } from "./normalization-layer.js";
import { residualBlock } from "./residual-block.js";
import { selfAttention } from "./self-attention.js";

/** Convolutions that halve the image stage by stage, and transposed ones that double it back. */
export function convolutionalNetwork(config: ConvolutionalConfig, ends: NetworkEnds): Network {
  const { latentDimension } = ends;
  const side = Math.ceil(ends.imageSide / 2 ** config.stages);
  const encoder = convolutionalEncoder(config, ends, side);
  const decoder = convolutionalDecoder(config, ends, side);
  return {
    parameters: [...encoder.parameters, ...decoder.parameters],
    latentGrid: { height: side, width: side },
    encode: (map, pass) => tf.reshape(encoder.forward(map, pass), [-1, latentDimension]),
    decode: (latents, pass) => decoder.forward(tf.reshape(latents, [-1, side, side, latentDimension]), pass),
  };
}

/** `[batch, imageSide, imageSide, inputChannels]` → `[batch, side, side, latentDimension]`. */
function convolutionalEncoder(config: ConvolutionalConfig, ends: NetworkEnds, side: number): Layer {
  const { hiddenChannels: hidden, stages, normalization: kind } = config;
  const layers: Layer[] = [zeroPadding(paddingOf(config, ends.imageSide, side))];
  for (let stage = 0; stage < stages; stage++) {
    const inputs = stage === 0 ? ends.inputChannels : hidden;
    if (stage > 0) {
      layers.push(normalization(`encoder.down.${stage}.norm`, hidden, kind), rectifier);
    }
    layers.push(convolution(`encoder.down.${stage}.conv`, { inputs, outputs: hidden, filter: 4, stride: 2 }));
  }
  layers.push(...gridBlocks("encoder", config, side));
  if (ends.latentDimension !== hidden) {
    layers.push(convolution("encoder.projection", { inputs: hidden, outputs: ends.latentDimension, filter: 1 }));
  }
  return sequence(...layers);
}

/** The encoder's mirror: its grid of vectors → `[batch, imageSide, imageSide, outputChannels]`. */
function convolutionalDecoder(config: ConvolutionalConfig, ends: NetworkEnds, side: number): Layer {
  const { hiddenChannels: hidden, stages, normalization: kind } = config;
  const layers: Layer[] = [];
  if (ends.latentDimension !== hidden) {
    layers.push(convolution("decoder.projection", { inputs: ends.latentDimension, outputs: hidden, filter: 1 }));
  }
  layers.push(...gridBlocks("decoder", config, side));
  for (let stage = 0; stage < stages; stage++) {
    const outputs = stage === stages - 1 ? ends.outputChannels : hidden;
    layers.push(
      normalization(`decoder.up.${stage}.norm`, hidden, kind),
      rectifier,
      transposedConvolution(`decoder.up.${stage}.conv`, { inputs: hidden, outputs, filter: 4, stride: 2 }),
    );
  }
  layers.push(cropping(paddingOf(config, ends.imageSide, side)));
  return sequence(...layers);
}

/** Rows (and columns) of zeros that make a side divisible: before the first, after the last. */
type Padding = readonly [before: number, after: number];

function paddingOf({ stages }: ConvolutionalConfig, imageSide: number, side: number): Padding {
  const missing = side * 2 ** stages - imageSide;
  return [Math.floor(missing / 2), Math.ceil(missing / 2)];
}

function zeroPadding([before, after]: Padding): Layer {
  const rows: [number, number] = [before, after];
  return { parameters: [], forward: (x) => (after === 0 ? x : tf.pad(x, [[0, 0], rows, rows, [0, 0]])) };
}

function cropping([before, after]: Padding): Layer {
  const forward = (x: tf.Tensor4D): tf.Tensor4D => {
    const [batch, height, width, channels] = x.shape;
    const kept = [batch, height - before - after, width - before - after, channels] as const;
    return after === 0 ? x : tf.slice(x, [0, before, before, 0], [...kept]);
  };
  return { parameters: [], forward };
}

/** What works at the code grid: residual blocks, each after a self-attention where the configuration asks for it. */
function gridBlocks(name: string, config: ConvolutionalConfig, side: number): Layer[] {
  const { attentionHeads: heads, hiddenChannels: channels, normalization: kind, residualBlocks } = config;
  return Array.from({ length: residualBlocks }, (_, block) => [
    ...(heads === 0
      ? []
      : [selfAttention(`${name}.attention.${block}`, { channels, heads, side, normalization: kind })]),
    residualBlock(`${name}.residual.${block}`, channels, kind),
  ]).flat();
}

export const convolutionalSchema = pipe(
  variant("convolutional", {
    /** Channels of every hidden layer. */
    hiddenChannels: optional(wholeNumber({ min: 1 }), 256),
    /** Halvings of the image's side: two make 28×28 pixels 7×7 codes, three (the image padded to 32×32) 4×4. */
    stages: optional(wholeNumber({ min: 1, max: 8 }), 2),
    /** Residual blocks of the encoder at the code grid, and as many of the decoder. */
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
