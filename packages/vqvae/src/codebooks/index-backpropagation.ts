import { customGradient } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { alignment, codeSums } from "./nearest-codes.js";
import { keepRows, type RowMask } from "./row-mask.js";

/** Which rows the latents take, of {@link indexBackpropagation}. */
export interface IndexChoice {
  /** The row of the largest product with each latent, `[vectors]`, int32; borrowed. */
  readonly codes: tf.Tensor1D;
  /** Of the latents whose gradient reaches the rows. */
  readonly mask?: RowMask | undefined;
}

/**
 * The rows of codes, with a gradient for the latents and for all rows, not the chosen ones alone.
 *
 * With ℓ = z·Eᵀ, s = softmax ℓ and h the one-hot of the largest, the decoder sees q = o·E with o = h − sg(s) + s: the value
 * of h, the gradient of s. For the gradient g of q, a = g·Eᵀ and ∂ℓ = s ⊙ (a − Σ s ⊙ a), z has ∂ℓ·E and E has
 * hᵀ·g + ∂ℓᵀ·z. The mean that {@link alignment} takes from the rows changes neither: s and Σ_k ∂ℓ_k = 0 do not see it.
 *
 * @param latents - z, `[vectors, codeDimension]`; borrowed.
 * @param rows - E, `[codebookSize, codeDimension]`; borrowed.
 * @returns q, `[vectors, codeDimension]`; yours to dispose.
 * @see Shi et al. 2024, section 3.2, https://arxiv.org/abs/2412.02692
 */
export function indexBackpropagation(
  latents: tf.Tensor2D,
  rows: tf.Tensor2D,
  { codes, mask }: IndexChoice,
): tf.Tensor2D {
  return customGradient([latents, rows], {
    forward: (z, e) => ({
      value: tf.gather(e, codes),
      saved: [z, e, tf.tidy(() => tf.softmax(alignment(z, e))), codes, mask?.column],
    }),
    gradient(dy, [z, e, shares, codes, column]) {
      const counted = mask && column && { ...mask, column };
      const weighted = tf.mul(shares, tf.matMul(dy, e, false, true)); // [vectors, codebookSize]
      const slopes = tf.sub<tf.Tensor2D>(weighted, tf.mul(shares, tf.sum(weighted, 1, true)));
      const ofChosen = codeSums(dy, codes, { codebookSize: e.shape[0], mask: counted }).sums;
      const ofAll = tf.matMul(keepRows(slopes, counted), keepRows(z, counted), true, false);
      return [tf.matMul(slopes, e), tf.add(ofChosen, ofAll)];
    },
  });
}
