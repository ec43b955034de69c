import { Parameter } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./transformer-config.js";

/** Constant tables of position encodings, `contextLength` rows each, float32; none for learned positions. */
export interface PositionTables {
  /** `[contextLength, width]`, added to the embeddings. */
  readonly sinusoidal?: Parameter;
  /** `[contextLength, headWidth / 2]` each; {@link rotate} rotates queries and keys by them. */
  readonly cosine?: Parameter;
  readonly sine?: Parameter;
}

/** Declares the tables for the position encoding of the configuration. */
export function positionTables({ positions, contextLength, width, heads }: TransformerConfig): PositionTables {
  if (positions === "learned") {
    return {};
  }
  const pairs = (positions === "sinusoidal" ? width : width / heads) / 2;
  const table = (...functions: ((angle: number) => number)[]) =>
    new Parameter({
      shape: [contextLength, functions.length * pairs],
      role: "constant",
      initial: (shape) => {
        const values = new Float32Array(contextLength * functions.length * pairs);
        for (let i = 0; i < values.length; i++) {
          const position = Math.floor(i / (functions.length * pairs));
          const column = i % (functions.length * pairs);
          const angle = position / 10_000 ** ((column % pairs) / pairs);
          values[i] = functions[Math.floor(column / pairs)]!(angle);
        }
        return tf.tensor(values, [...shape]);
      },
    });
  // All sines, then all cosines, instead of alternating: a fixed permutation of the channels.
  return positions === "sinusoidal"
    ? { sinusoidal: table(Math.sin, Math.cos) }
    : { cosine: table(Math.cos), sine: table(Math.sin) };
}

/**
 * Rotary position embedding: rotates each pair of values `i` and `i + headWidth / 2` by the angle of the position.
 *
 * @param x - `[batch, heads, time, headWidth]`; borrowed.
 * @param cosine - `[time, headWidth / 2]`; borrowed.
 * @param sine - As `cosine`.
 * @returns Shaped as `x`; yours to dispose.
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
