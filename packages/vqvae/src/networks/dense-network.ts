import { type ConfigOf, listOf, type OptionsOf, oneOf, optional, variant, wholeNumber } from "@mmgen/core/options";
import { Linear, relu } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type Grid, Network, type NetworkEnds } from "./network.js";

export const denseSchema = variant("dense", {
  /** Widths of the encoder's hidden layers, from the image inward; the decoder has them in reverse. May be empty. Default: [128]. */
  hidden: optional(listOf(wholeNumber({ min: 1 })), [128]),
  /** Latent vectors per image; they lie in one row. Default: 1. */
  latentVectors: optional(wholeNumber({ min: 1 }), 1),
  /** Activation of the encoder's last layer. Default: "none". */
  latentActivation: optional(oneOf(["none", "relu"]), "none"),
});

/** Options of a fully connected encoder and its mirrored decoder: every code can describe the whole image. */
export type DenseOptions = OptionsOf<typeof denseSchema>;
/** {@link DenseOptions} with every default filled in. */
export type DenseConfig = ConfigOf<typeof denseSchema>;

/** Fully connected layers over the pixels of an image, with a ReLU between two. */
export class DenseNetwork extends Network {
  readonly latentGrid: Grid;
  readonly encoder: readonly Linear[];
  readonly decoder: readonly Linear[];
  readonly #config: DenseConfig;
  readonly #ends: NetworkEnds;

  constructor(config: DenseConfig, ends: NetworkEnds) {
    super();
    const { hidden, latentVectors } = config;
    const { image, inputChannels, outputChannels, latentDimension } = ends;
    const pixels = image.height * image.width;
    const latents = latentVectors * latentDimension;
    this.latentGrid = { height: 1, width: latentVectors };
    this.encoder = linearLayers([pixels * inputChannels, ...hidden, latents]);
    this.decoder = linearLayers([latents, ...[...hidden].reverse(), pixels * outputChannels]);
    this.#config = config;
    this.#ends = ends;
  }

  encode(map: tf.Tensor4D): tf.Tensor2D {
    const { image, inputChannels, latentDimension } = this.#ends;
    const encoded = forward(this.encoder, tf.reshape(map, [-1, image.height * image.width * inputChannels]));
    return tf.reshape(this.#config.latentActivation === "relu" ? relu(encoded) : encoded, [-1, latentDimension]);
  }

  decode(vectors: tf.Tensor2D): tf.Tensor4D {
    const { image, outputChannels, latentDimension } = this.#ends;
    const latents = tf.reshape(vectors, [-1, this.#config.latentVectors * latentDimension]);
    return tf.reshape(forward(this.decoder, latents), [-1, image.height, image.width, outputChannels]);
  }
}

/** Linear layers between the given widths. */
function linearLayers(widths: readonly number[]): Linear[] {
  return widths.slice(1).map((outputs, i) => new Linear({ inputs: widths[i]!, outputs }));
}

function forward(layers: readonly Linear[], x: tf.Tensor): tf.Tensor {
  return layers.reduce((held, layer, i) => layer.forward(i === 0 ? held : relu(held)), x);
}
