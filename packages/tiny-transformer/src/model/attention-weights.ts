import type { TokenBatch } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { uploadTokens } from "./target-losses.js";
import { checkTokens } from "./token-checks.js";
import type { TransformerNetwork } from "./transformer-backbone.js";

/** How much each position looks at each, layer by layer and head by head. */
export interface AttentionWeights {
  /** `[layers, rows, heads, length, length]`: of the position in the last but one axis, at that in the last; sums to 1. */
  readonly data: Float32Array;
  readonly layers: number;
  readonly rows: number;
  readonly heads: number;
  readonly length: number;
}

/**
 * Computes the attention weights of sequences, without dropout: for plots of what a model looks at.
 *
 * @param model - A {@link TinyTransformer}; borrowed.
 * @param ids - `[rows, length]`, length ≤ contextLength; borrowed.
 * @returns Plain arrays, nothing to dispose.
 * @throws a `ShapeError` or `VocabularyError` when the ids do not fit the model.
 * @see Vaswani et al. 2017, eq. 1, https://arxiv.org/abs/1706.03762
 */
export async function attentionWeights(model: TransformerNetwork, ids: TokenBatch): Promise<AttentionWeights> {
  const { contextLength, heads, layers, vocabularySize } = model.config;
  checkTokens("ids", ids, vocabularySize, contextLength);
  const weights = tf.tidy(() => {
    const kept: tf.Tensor[] = [];
    model.backbone.forward(uploadTokens(ids), {
      onScores: (q, k, mask) => {
        const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(q.shape[3]!)); // [rows, heads, length, length]
        kept.push(tf.softmax(mask ? tf.add(scores, mask) : scores));
      },
    });
    return tf.stack(kept);
  });
  try {
    return { data: (await weights.data()) as Float32Array, layers, rows: ids.count, heads, length: ids.length };
  } finally {
    weights.dispose();
  }
}
