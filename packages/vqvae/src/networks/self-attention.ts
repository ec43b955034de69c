import { attention, linear, normal } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type Layer, linearParameters, type Parameter, weight } from "./layers.js";
import { normalization } from "./normalization-layer.js";

/** Size of a {@link selfAttention} layer. */
export interface SelfAttentionSize {
  readonly channels: number;
  readonly heads: number;
  /** Height and width of the grid. */
  readonly side: number;
  readonly normalization: "batch" | "none";
}

/**
 * x + (normalize, add positions, attend, project)(x): every place of the grid sees every other.
 *
 * What one place knows (the color of the whole background, say) the others need not repeat, so codes are free for what
 * only they can tell.
 *
 * @see Esser et al. 2021, section 3.1, https://arxiv.org/abs/2012.09841
 */
export function selfAttention(name: string, size: SelfAttentionSize): Layer {
  const { channels, heads, side } = size;
  const norm = normalization(`${name}.norm`, channels, size.normalization);
  const places = side * side;
  const headWidth = channels / heads;
  const positions: Parameter = {
    name: `${name}.position.weight`,
    learned: "by gradient",
    initial: (random) => normal([places, channels], { random, standardDeviation: 0.02 }),
  };
  return {
    parameters: [
      ...norm.parameters,
      positions,
      ...linearParameters(`${name}.attention`, channels, 3 * channels),
      ...linearParameters(`${name}.projection`, channels, channels),
    ],
    forward(x, pass) {
      const { weights } = pass;
      const map = (input: tf.Tensor, part: string) =>
        linear(input, weight(weights, `${name}.${part}.weight`), weight(weights, `${name}.${part}.bias`));
      const rows = tf.reshape(norm.forward(x, pass), [-1, places, channels]);
      const placed = tf.add(rows, weight(weights, positions.name)); // [batch, places, channels]
      const [q, k, v] = tf
        .split(map(placed, "attention"), 3, -1)
        .map((part) => tf.transpose(tf.reshape(part, [-1, places, heads, headWidth]), [0, 2, 1, 3])) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ]; // [batch, heads, places, headWidth] each
      const seen = tf.reshape(tf.transpose(attention(q, k, v), [0, 2, 1, 3]), [-1, places, channels]);
      return tf.add(x, tf.reshape(map(seen, "projection"), x.shape));
    },
  };
}
