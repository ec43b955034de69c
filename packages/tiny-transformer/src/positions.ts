import * as tf from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./transformer-config.js";

/** Fixed tables of a model, by use; float32, `contextLength` rows each. */
export interface PositionTables {
  /** `[contextLength, width]`, added to the embeddings. */
  readonly sinusoidal?: tf.Tensor;
  /** `[contextLength, headWidth / 2]` each, by which {@link rotate} turns queries and keys. */
  readonly cosine?: tf.Tensor;
  readonly sine?: tf.Tensor;
}

/** The tables that `positions` asks for; yours to dispose. Learned positions are weights and need none. */
export function makePositionTables({ positions, contextLength, width, heads }: TransformerConfig): PositionTables {
  if (positions === "learned") {
    return {};
  }
  const pairs = (positions === "sinusoidal" ? width : width / heads) / 2;
  const sine = new Float32Array(contextLength * pairs);
  const cosine = new Float32Array(contextLength * pairs);
  for (let position = 0; position < contextLength; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position / 10_000 ** (pair / pairs);
      sine[position * pairs + pair] = Math.sin(angle);
      cosine[position * pairs + pair] = Math.cos(angle);
    }
  }
  const table = (values: Float32Array) => tf.tensor2d(values, [contextLength, pairs]);
  if (positions === "rotary") {
    return { cosine: table(cosine), sine: table(sine) };
  }
  // The sines first and the cosines after them, rather than in turns: a fixed permutation of the channels.
  return { sinusoidal: tf.tidy(() => tf.concat([table(sine), table(cosine)], 1)) };
}

/**
 * Rotary position embedding: turns value `i` and value `i + headWidth / 2` together by the position's angle.
 *
 * @param x - `[batch, heads, time, headWidth]`; borrowed.
 * @param cosine - `[time, headWidth / 2]`; borrowed.
 * @param sine - as `cosine`.
 * @returns shaped as `x`; yours to dispose.
 * @see Su et al. 2021, https://arxiv.org/abs/2104.09864
 */
export function rotate(x: tf.Tensor, cosine: tf.Tensor, sine: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
    return tf.concat(
      [tf.sub(tf.mul(first, cosine), tf.mul(second, sine)), tf.add(tf.mul(second, cosine), tf.mul(first, sine))],
      -1,
    );
  });
}
