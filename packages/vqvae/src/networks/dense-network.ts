import { type ConfigOf, listOf, type OptionsOf, oneOf, optional, variant, wholeNumber } from "@mmgen/core/options";
import { linear, relu } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
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

export const denseSchema = variant("dense", {
  /** Widths of the encoder's hidden layers, from the image inward; the decoder has them in reverse. May be empty. */
  hidden: optional(listOf(wholeNumber({ min: 1 })), [128]),
  /** Latent vectors per image; they lie in one row. */
  latentVectors: optional(wholeNumber({ min: 1 }), 1),
  /** Activation of the encoder's last layer. */
  latentActivation: optional(oneOf(["none", "relu"]), "none"),
});

/** Options of a fully connected encoder and its mirrored decoder: every code can describe the whole image. */
export type DenseOptions = OptionsOf<typeof denseSchema>;
/** {@link DenseOptions} with every default filled in. */
export type DenseConfig = ConfigOf<typeof denseSchema>;
