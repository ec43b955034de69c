import { customGradient, noGrad } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { RowMask } from "./row-mask.js";

/** Options of {@link codeEntropies}. */
export interface CodeEntropyOptions {
  /** T of p = softmax(scores / T). */
  readonly temperature: number;
  /** Of the latents that count. */
  readonly mask: RowMask | undefined;
}

/** How sure latents are of their codes, and how evenly a batch uses them, in nats; the surrounding `tf.tidy`'s. */
export interface CodeEntropies {
  /** `sampleEntropy` − `codebookEntropy`; differentiable in the scores. */
  readonly loss: tf.Scalar;
  /** mean H(p), of the codes of one latent; without gradient. */
  readonly sampleEntropy: tf.Scalar;
  /** H(mean p), of the codes of the batch; without gradient. */
  readonly codebookEntropy: tf.Scalar;
}

/**
 * The entropy loss of a batch: mean H(p) − H(mean p), p = softmax(scores / T) of each latent.
 *
 * With w the latent's weight in the means, p̄ = Σ w p and a = ln p̄ − ln p, the gradient of the scores is
 * w/T · p ⊙ (a − Σ p ⊙ a).
 *
 * @param scores - Of each code for each latent, `[vectors, codebookSize]`; those of a masked latent must be finite. Borrowed.
 * @see Yu et al. 2023, eq. 5, https://arxiv.org/abs/2310.05737
 */
export function codeEntropies(scores: tf.Tensor2D, { temperature, mask }: CodeEntropyOptions): CodeEntropies {
  const [sampleEntropy, codebookEntropy, slopes] = noGrad(() => {
    const logs = tf.logSoftmax(tf.mul(scores, 1 / temperature)) as tf.Tensor2D;
    const shares = tf.exp(logs);
    const weights = mask ? tf.div(mask.column, mask.count) : 1 / scores.shape[0];
    const weighted = tf.mul<tf.Tensor2D>(shares, weights);
    const mean = tf.sum(weighted, 0, true);
    const meanLogs = tf.log(tf.add(mean, 1e-10)); // [1, codebookSize]
    const gains = tf.sub(meanLogs, logs);
    const slopes = tf.sub(
      tf.mul(weighted, gains),
      tf.mul(weighted, tf.sum(tf.mul(shares, gains), 1, true)),
    ) as tf.Tensor2D;
    return [
      tf.neg(tf.sum<tf.Scalar>(tf.mul(weighted, logs))),
      tf.neg(tf.sum<tf.Scalar>(tf.mul(mean, meanLogs))),
      tf.mul(slopes, 1 / temperature),
    ] as const;
  });
  const loss = customGradient([scores], {
    forward: (_scores) => ({ value: tf.sub<tf.Scalar>(sampleEntropy, codebookEntropy), saved: [slopes] }),
    gradient: (dy, [kept]) => [tf.mul(kept, dy)],
  });
  return { loss, sampleEntropy, codebookEntropy };
}
