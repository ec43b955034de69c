import { type ConfigOf, fields, number, type OptionsOf, oneOf, optional } from "@mmgen/core/options";
import { conv2d, convolutionFileLayout, kaimingNormal, Module, Parameter, relu } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";

export const perceptualSchema = fields({
  /**
   * What compares images: the layers of the `discriminator`; a network of `random` weights that never change; or your `own`
   * function. Default: "discriminator".
   */
  features: optional(oneOf(["discriminator", "random", "own"]), "discriminator"),
  /** Weight of the term beside the reconstruction loss; 0 for none. Default: 1. */
  weight: optional(number({ min: 0 }), 1),
});

/** Options of the perceptual term of the reconstruction loss. */
export type PerceptualOptions = OptionsOf<typeof perceptualSchema>;
/** {@link PerceptualOptions} with every default filled in. */
export type PerceptualConfig = ConfigOf<typeof perceptualSchema>;

/**
 * Features of images for a perceptual loss: pixels in [−1, 1], `[batch, height, width, channels]`, to one tensor a layer,
 * `[batch, …, channels]`. It borrows the images, gives its results to the surrounding `tf.tidy`, and gradients pass through.
 */
export type ImageFeatures = (images: tf.Tensor4D) => readonly tf.Tensor[];

const widths = [32, 64, 128];

/**
 * Three 3×3 convolutions of stride 2 with ReLU, whose random weights never change: what such features tell apart is more than
 * pixels do, without any training.
 *
 * The filters are buffers, so that a checkpoint holds them.
 */
export class RandomFeatures extends Module {
  readonly filters: readonly Parameter<tf.Tensor4D>[];
  readonly biases: readonly Parameter<tf.Tensor1D>[];

  constructor(channels: number) {
    super();
    this.filters = widths.map((outputs, layer) => {
      const inputs = layer === 0 ? channels : widths[layer - 1]!;
      return new Parameter({
        shape: [3, 3, inputs, outputs],
        initial: (shape, random) => kaimingNormal(shape, { random, fanIn: 9 * inputs }),
        role: "buffer",
        fileLayout: convolutionFileLayout,
      });
    });
    // Drawn, so that a flat image is not the same at every brightness.
    this.biases = widths.map(
      (outputs) =>
        new Parameter({
          shape: [outputs],
          initial: (shape, random) => kaimingNormal(shape, { random, fanIn: 9 * outputs }),
          role: "buffer",
        }),
    );
  }

  /** See {@link ImageFeatures}. */
  forward(images: tf.Tensor4D): tf.Tensor4D[] {
    const features: tf.Tensor4D[] = [];
    let x = images;
    for (const [layer, filter] of this.filters.entries()) {
      x = relu(conv2d(x, filter.value, this.biases[layer]!.value, { stride: 2 }));
      features.push(x);
    }
    return features;
  }
}
