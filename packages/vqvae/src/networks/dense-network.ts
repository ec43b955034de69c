import { ConfigError } from "@mmgen/core";
import { linear, relu } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { checkInteger, checkOneOf, withDefaults } from "../model/check-config.js";
import { type ForwardPass, linearParameters, type Parameter, weight } from "./layers.js";
import type { Network, NetworkEnds } from "./network.js";

/** Fully connected layers over the pixels of an image, rectified in between. */
export function denseNetwork(config: DenseConfig, ends: NetworkEnds): Network {
  const { hidden, latentVectors, latentActivation } = config;
  const { imageSide: side, inputChannels, outputChannels, latentDimension } = ends;
  const latents = latentVectors * latentDimension;
  const encoder = layers("encoder", [side * side * inputChannels, ...hidden, latents]);
  const decoder = layers("decoder", [latents, ...[...hidden].reverse(), side * side * outputChannels]);
  return {
    parameters: [...encoder.parameters, ...decoder.parameters],
    latentGrid: { height: 1, width: latentVectors },
    encode(map, pass) {
      const encoded = encoder.forward(tf.reshape(map, [-1, side * side * inputChannels]), pass);
      return tf.reshape(latentActivation === "relu" ? relu(encoded) : encoded, [-1, latentDimension]);
    },
    decode: (vectors, pass) =>
      tf.reshape(decoder.forward(tf.reshape(vectors, [-1, latents]), pass), [-1, side, side, outputChannels]),
  };
}

interface DenseLayers {
  readonly parameters: readonly Parameter[];
  forward(x: tf.Tensor, pass: ForwardPass): tf.Tensor;
}

/** Linear layers between the given widths, `name.0` the first, a rectifier between two. */
function layers(name: string, widths: readonly number[]): DenseLayers {
  const outputs = widths.slice(1);
  return {
    parameters: outputs.flatMap((width, i) => linearParameters(`${name}.${i}`, widths[i]!, width)),
    forward: (x, { weights }) =>
      outputs.reduce((held, _, i) => {
        const input = i === 0 ? held : relu(held);
        return linear(input, weight(weights, `${name}.${i}.weight`), weight(weights, `${name}.${i}.bias`));
      }, x),
  };
}

/** A fully connected encoder and its mirrored decoder: every code may tell of the whole image. */
export interface DenseConfig {
  readonly type: "dense";
  /** Widths of the encoder's hidden layers, the image's end first; the decoder has them in reverse. May be empty. */
  readonly hidden: readonly number[];
  /** Latent vectors an image becomes; they lie in one row. */
  readonly latentVectors: number;
  /** What the latents come out of: the last layer as it is, or rectified as original D's. */
  readonly latentActivation: "none" | "relu";
}

const defaults: DenseConfig = { type: "dense", hidden: [128], latentVectors: 1, latentActivation: "none" };

/** Fills in the defaults, and throws {@link ConfigError} unless every field is in range. */
export function resolveDense(options: Partial<DenseConfig>): DenseConfig {
  const config = withDefaults("network", defaults, options);
  if (!Array.isArray(config.hidden)) {
    throw new ConfigError(`network.hidden: expected a list of widths, got ${config.hidden}.`);
  }
  config.hidden.forEach((width, i) => {
    checkInteger(`network.hidden[${i}]`, width, 1);
  });
  checkInteger("network.latentVectors", config.latentVectors, 1);
  checkOneOf("network.latentActivation", config.latentActivation, ["none", "relu"]);
  return { ...config, hidden: [...config.hidden] };
}
