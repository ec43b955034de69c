import type { LossResult } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { VqVaeParts } from "./vq-vae-parts.js";

/**
 * The loss of images; see `VqVae.loss`.
 *
 * @param levelsOf - Gives them as `[batch, height, width, channels]` int32.
 */
export function vqVaeLoss(
  { composition, head, network, quantizer }: VqVaeParts,
  levelsOf: () => tf.Tensor4D,
  training: boolean,
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
    const total = tf.add(reconstruction, loss) as tf.Scalar;
    result = {
      total,
      metrics: { reconstruction, ...metrics },
      aux: training ? { ...aux, ...Object.fromEntries(pass.statistics) } : {},
    };
    return { total, ...result.metrics, ...result.aux };
  });
  return result!;
}
