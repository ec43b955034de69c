import type { LossOptions, LossResult } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { VqVaeParts } from "./vq-vae-parts.js";

/** What a {@link ReconstructionCriterion} compares. */
export interface ReconstructedImages {
  /** The decoder's output, as the head takes it, `[batch, height, width, outputChannels]`; gradients reach the model by it. */
  readonly output: tf.Tensor4D;
  /** The images, `[batch, height, width, channels]` int32. */
  readonly levels: tf.Tensor4D;
  /** The head's loss of the two. */
  readonly reconstruction: tf.Scalar;
}

/**
 * The loss of reconstructed images in place of the head's own; the quantizer's terms are added to its `total`, and its
 * `metrics` and `aux` to the model's. It borrows the images; its results belong to the surrounding `tf.tidy`.
 */
export type ReconstructionCriterion = (
  images: ReconstructedImages,
) => Pick<LossResult<tf.Scalar, tf.NamedTensorMap>, "total" | "metrics" | "aux">;

/** Options of `VqVae.loss`. */
export interface VqVaeLossOptions extends Pick<LossOptions, "training"> {
  /** Default: the head's loss. */
  readonly criterion?: ReconstructionCriterion | undefined;
}

/**
 * The loss of images; see `VqVae.loss`.
 *
 * @param levelsOf - Gives them as `[batch, height, width, channels]` int32.
 */
export function vqVaeLoss(
  { composition, head, network, quantizer }: VqVaeParts,
  levelsOf: () => tf.Tensor4D,
  { training, criterion }: VqVaeLossOptions,
): LossResult<tf.Scalar, tf.NamedTensorMap> {
  let result: LossResult<tf.Scalar, tf.NamedTensorMap> | undefined;
  tf.tidy(() => {
    const levels = levelsOf();
    const pass = { training, statistics: new Map<string, tf.Tensor>() };
    const { map, codes: colors } = composition.decompose(levels);
    const { quantized, loss, metrics, aux } = quantizer.quantize(network.encode(map, pass));
    const decoded = network.decode(quantized as tf.Tensor2D, pass);
    const output = composition.compose({ map: decoded, ...(colors && { codes: colors }) });
    const reconstruction = head.loss(output, levels);
    const ofImages = criterion?.({ output, levels, reconstruction }) ?? { total: reconstruction, metrics: {}, aux: {} };
    const total = tf.add(ofImages.total, loss) as tf.Scalar;
    result = {
      total,
      metrics: { reconstruction, ...metrics, ...ofImages.metrics },
      aux: training ? { ...aux, ...Object.fromEntries(pass.statistics), ...ofImages.aux } : {},
    };
    return { total, ...result.metrics, ...result.aux };
  });
  return result!;
}
