import { convolution, transposedConvolution } from "./convolution-layers.js";
import type { ConvolutionalConfig } from "./convolutional-config.js";
import { normalisation } from "./normalisation-layer.js";
import { type Layer, rectifier, sequence } from "./parameters.js";
import { residualBlock } from "./residual-block.js";
import { selfAttention } from "./self-attention.js";

/** Sizes at the ends of a network. */
export interface NetworkEnds {
  /** Channels of an image going in. */
  readonly imageChannels: number;
  /** Values a pixel coming out of the decoder. */
  readonly outputChannels: number;
  /** Length of a latent vector. */
  readonly codeDimension: number;
  /** Height and width of the grid of latent vectors. */
  readonly latentSide: number;
}

/** `[batch, side, side, imageChannels]` → `[batch, side / 2^stages, side / 2^stages, codeDimension]`. */
export function convolutionalEncoder(config: ConvolutionalConfig, ends: NetworkEnds): Layer {
  const { hiddenChannels: hidden, stages, normalisation: kind } = config;
  const layers: Layer[] = [];
  for (let stage = 0; stage < stages; stage++) {
    const inputs = stage === 0 ? ends.imageChannels : hidden;
    if (stage > 0) {
      layers.push(normalisation(`encoder.down.${stage}.norm`, hidden, kind), rectifier);
    }
    layers.push(convolution(`encoder.down.${stage}.conv`, { inputs, outputs: hidden, filter: 4, stride: 2 }));
  }
  layers.push(...gridBlocks("encoder", config, ends));
  if (ends.codeDimension !== hidden) {
    layers.push(convolution("encoder.projection", { inputs: hidden, outputs: ends.codeDimension, filter: 1 }));
  }
  return sequence(...layers);
}

/** The encoder's mirror: `[batch, h, w, codeDimension]` → `[batch, h · 2^stages, w · 2^stages, outputChannels]`. */
export function convolutionalDecoder(config: ConvolutionalConfig, ends: NetworkEnds): Layer {
  const { hiddenChannels: hidden, stages, normalisation: kind } = config;
  const layers: Layer[] = [];
  if (ends.codeDimension !== hidden) {
    layers.push(convolution("decoder.projection", { inputs: ends.codeDimension, outputs: hidden, filter: 1 }));
  }
  layers.push(...gridBlocks("decoder", config, ends));
  for (let stage = 0; stage < stages; stage++) {
    const outputs = stage === stages - 1 ? ends.outputChannels : hidden;
    layers.push(
      normalisation(`decoder.up.${stage}.norm`, hidden, kind),
      rectifier,
      transposedConvolution(`decoder.up.${stage}.conv`, { inputs: hidden, outputs, filter: 4, stride: 2 }),
    );
  }
  return sequence(...layers);
}

/** What works at the code grid: residual blocks, each after a self-attention where the configuration asks for it. */
function gridBlocks(name: string, config: ConvolutionalConfig, { latentSide: side }: NetworkEnds): Layer[] {
  const { attentionHeads: heads, hiddenChannels: channels, normalisation: kind, residualBlocks } = config;
  return Array.from({ length: residualBlocks }, (_, block) => [
    ...(heads === 0
      ? []
      : [selfAttention(`${name}.attention.${block}`, { channels, heads, side, normalisation: kind })]),
    residualBlock(`${name}.residual.${block}`, channels, kind),
  ]).flat();
}
