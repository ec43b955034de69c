import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { runFusedKernel } from "../functions/fused-kernel.js";
import { oneHot } from "../functions/one-hot.js";
import { attention } from "./attention.js";

/** Keys and values of earlier positions, `[batch, heads, slots, headWidth]` each. */
export interface AttentionCache {
  readonly keys: tf.Tensor;
  readonly values: tf.Tensor;
}

/** What {@link cachedAttention} returns. */
export interface CachedAttentionResult extends AttentionCache {
  /** `[batch, heads, 1, headWidth]`. */
  readonly value: tf.Tensor;
}

/** Options of {@link cachedAttention}. */
export interface CachedAttentionOptions {
  /**
   * Least slot that the position may be, 0 when absent; lower ones are taken as this one. With 1, some backends have a
   * faster operator: it needs an earlier position to attend to.
   */
  readonly minPosition?: number;
}

/**
 * Attention of one new position, which enters the cache: to itself and to the slots before it.
 *
 * @param heads - Queries, keys and values of the new position, `[batch, heads, 1, headWidth]` each; borrowed.
 * @param cache - Zero from the slot of the position onwards; borrowed.
 * @param position - The position's slot, `[1]` int32; one past the cache is taken as its last. Borrowed.
 * @returns `value`, and `keys` and `values` of the cache that includes the new position; yours to dispose.
 * @throws a {@link ShapeError} when the shapes do not fit.
 */
export function cachedAttention(
  heads: { readonly q: tf.Tensor; readonly k: tf.Tensor; readonly v: tf.Tensor },
  cache: AttentionCache,
  position: tf.Tensor1D,
  { minPosition = 0 }: CachedAttentionOptions = {},
): CachedAttentionResult {
  const { q, k, v } = heads;
  expectShape("cachedAttention: q", q, ["batch", "heads", 1, "headWidth"]);
  expectShape("cachedAttention: k", k, q.shape);
  expectShape("cachedAttention: v", v, q.shape);
  const [batch, count, , headWidth] = q.shape as [number, number, number, number];
  expectShape("cachedAttention: keys", cache.keys, [batch, count, "slots", headWidth]);
  expectShape("cachedAttention: values", cache.values, cache.keys.shape);
  if (position.size !== 1 || position.dtype !== "int32") {
    throw new ShapeError(
      `cachedAttention: position must be int32 [1], got ${position.dtype} [${position.shape.join(", ")}].`,
    );
  }
  const inputs = { ...heads, keys: cache.keys, values: cache.values, position };
  // The fused kernel has no gradient.
  const fused = tf.engine().isTapeOn() ? undefined : runFusedKernel("MmgenCachedAttention", inputs, { minPosition });
  const [value, keys, values] = fused ?? composed(inputs, minPosition);
  return { value: value!, keys: keys!, values: values! };
}

interface Inputs extends AttentionCache {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
  readonly position: tf.Tensor1D;
}

function composed({ q, k, v, position, ...cache }: Inputs, minPosition: number): tf.Tensor[] {
  const slots = cache.keys.shape[2]!;
  return tf.tidy(() => {
    const limit = (value: number) => tf.scalar(value, "int32");
    const slot = tf.minimum(tf.maximum(position, limit(minPosition)), limit(slots - 1)) as tf.Tensor1D;
    const here = tf.reshape(oneHot(slot, slots), [slots, 1]);
    const keys = tf.add(cache.keys, tf.mul(k, here));
    const values = tf.add(cache.values, tf.mul(v, here));
    const isLater = tf.greater(tf.range(0, slots, 1, "int32"), slot);
    const mask = tf.mul(tf.reshape(tf.cast(isLater, "float32"), [1, slots]), -1e9);
    return [attention(q, keys, values, { mask }), keys, values];
  });
}
