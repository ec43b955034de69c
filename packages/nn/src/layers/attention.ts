import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { scaledMatMul } from "../functions/scaled-mat-mul.js";
import { customGradient } from "../transforms/custom-gradient.js";
import { type DropoutOptions, dropoutMask, droppedShare } from "./dropout.js";

/** Options of {@link attention}. */
export interface AttentionOptions {
  /**
   * Added to the scores, `[queries, keys]` or broadcastable to `[batch, heads, queries, keys]`: 0 where a query may
   * look and −1e9 where not, see {@link causalMask}; borrowed, and not differentiated. Absent: all may look at all.
   */
  readonly mask?: tf.Tensor;
  /** Dropout of the attention weights; training only. Default: none. */
  readonly dropout?: DropoutOptions;
}

/**
 * Scaled dot-product attention, `softmax(q · kᵀ / √headWidth + mask) · v`, with a closed-form gradient that keeps no
 * more than the weights.
 *
 * @param q - `[batch, heads, queries, headWidth]`, float32; borrowed.
 * @param k - `[batch, heads, keys, headWidth]`; borrowed.
 * @param v - `[batch, heads, keys, headWidth]`; borrowed.
 * @returns `[batch, heads, queries, headWidth]`; yours to dispose.
 * @throws a {@link ShapeError} when the shapes do not fit.
 * @see Vaswani et al. 2017, eq. 1, https://arxiv.org/abs/1706.03762
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, options: AttentionOptions = {}): tf.Tensor {
  expectShape("attention: q", q, ["batch", "heads", "queries", "headWidth"]);
  const [batch, heads, queries, headWidth] = q.shape as [number, number, number, number];
  expectShape("attention: k", k, [batch, heads, "keys", headWidth]);
  expectShape("attention: v", v, k.shape);
  const keys = k.shape[2]!;
  const { mask, dropout } = options;
  if (mask && (mask.rank < 2 || mask.shape.at(-2) !== queries || mask.shape.at(-1) !== keys)) {
    throw new ShapeError(`attention: mask [${mask.shape.join(", ")}] must end in [${queries}, ${keys}].`);
  }
  const scale = 1 / Math.sqrt(headWidth);
  const drops = dropout !== undefined && dropout.rate !== 0;
  // What dropout scales the kept weights up by rides along in the products, where it costs nothing.
  const keptScale = drops ? 1 / (1 - droppedShare(dropout.rate)) : 1;

  return customGradient([q, k, v], {
    forward(q, k, v) {
      const scores = scaledMatMul(q, k, { transposeB: true, scale }); // [batch, heads, queries, keys]
      const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
      const kept = drops ? dropoutMask(weights.shape, dropout) : undefined;
      const value = scaledMatMul(kept ? tf.mul(weights, kept) : weights, v, { scale: keptScale });
      return { value, saved: [q, k, v, weights, value, kept] };
    },
    gradient(dy, [q, k, v, weights, value, kept]) {
      const dropped = kept ? tf.mul(weights, kept) : weights;
      const dV = scaledMatMul(dropped, dy, { transposeA: true, scale: keptScale });
      const dDropped = scaledMatMul(dy, v, { transposeB: true, scale: keptScale });
      const dWeights = kept ? tf.mul(dDropped, kept) : dDropped;
      // The softmax's row sum of weights · dWeights equals that of value · dy, which is far smaller.
      const rowSums = tf.sum(tf.mul(value, dy), -1, true); // [batch, heads, queries, 1]
      const dScores = tf.mul(weights, tf.sub(dWeights, rowSums));
      const dQ = scaledMatMul(dScores, k, { scale });
      const dK = scaledMatMul(dScores, q, { transposeA: true, scale });
      return [dQ, dK, dV];
    },
  });
}

/** {@link attention} in which position `i` looks at positions up to `i`: queries and keys must be equally many. */
export function causalAttention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  options: Omit<AttentionOptions, "mask"> = {},
): tf.Tensor {
  expectShape("causalAttention: q", q, ["batch", "heads", k.shape[2] ?? "time", "headWidth"]);
  return tf.tidy(() => attention(q, k, v, { ...options, mask: causalMask(q.shape[2]!) }));
}

/**
 * The mask of {@link causalAttention}, `[time, time]`: 0 on and below the diagonal, −1e9 above.
 *
 * −1e9 and not −∞, so that no row of scores turns to NaN. Made on the host: keep one where many steps need it.
 */
export function causalMask(time: number): tf.Tensor2D {
  const values = new Float32Array(time * time);
  for (let query = 0; query < time; query++) {
    values.fill(-1e9, query * time + query + 1, (query + 1) * time);
  }
  return tf.tensor2d(values, [time, time]);
}
