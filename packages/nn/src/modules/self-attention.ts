import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { type AttentionOptions, attention } from "../layers/attention.js";
import { Linear, type LinearOptions } from "./linear.js";
import { Module } from "./module.js";

/** Options of {@link SelfAttention}. */
export interface SelfAttentionOptions {
  /** Size of the vector at each position, divisible by `heads`. */
  readonly width: number;
  readonly heads: number;
  /** Whether both linear layers add an offset; true when absent. */
  readonly bias?: boolean;
  /** First values of the layer that makes queries, keys and values; {@link Linear}'s when absent. */
  readonly initialInput?: LinearOptions["initial"];
  /** First values of the layer after the heads; {@link Linear}'s when absent. */
  readonly initialOutput?: LinearOptions["initial"];
}

/** Queries, keys and values, `[batch, heads, positions, headWidth]` each. */
export interface AttentionHeads {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
}

/**
 * Multi-head self-attention between two linear layers: every position sees every other that the mask leaves it.
 *
 * {@link SelfAttention.forward} is the whole; its halves stand alone for a decode with cached keys and values. A
 * subclass may give the two layers other names in files, by `static paths = { input: "c_attn", output: "c_proj" }`.
 *
 * @see Vaswani et al. 2017, section 3.2, https://arxiv.org/abs/1706.03762
 */
export class SelfAttention extends Module {
  /** `[…, width]` → `[…, 3 · width]`: queries, keys, values. */
  readonly input: Linear;
  readonly output: Linear;
  readonly #heads: number;

  constructor({ width, heads, bias = true, initialInput, initialOutput }: SelfAttentionOptions) {
    super();
    if (width % heads !== 0) {
      throw new ConfigError(`SelfAttention: width ${width} must be divisible by heads, got ${heads}.`);
    }
    this.input = new Linear({
      inputs: width,
      outputs: 3 * width,
      bias,
      ...(initialInput && { initial: initialInput }),
    });
    this.output = new Linear({ inputs: width, outputs: width, bias, ...(initialOutput && { initial: initialOutput }) });
    this.#heads = heads;
  }

  /**
   * @param x - `[batch, positions, width]`; borrowed.
   * @returns Shaped as `x`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor, options: AttentionOptions = {}): tf.Tensor {
    const { q, k, v } = this.split(x);
    return this.merge(attention(q, k, v, options));
  }

  /** The first half, up to the attention: `[batch, positions, width]` → queries, keys and values by head. */
  split(x: tf.Tensor): AttentionHeads {
    const [, positions, width] = x.shape as [number, number, number];
    const heads = this.#heads;
    const [q, k, v] = tf
      .split(this.input.forward(x), 3, -1)
      .map((part) => tf.transpose(tf.reshape(part, [-1, positions, heads, width / heads]), [0, 2, 1, 3]));
    return { q: q!, k: k!, v: v! };
  }

  /** The second half: attended values, `[batch, heads, positions, headWidth]`, → `[batch, positions, width]`. */
  merge(attended: tf.Tensor): tf.Tensor {
    const [, heads, positions, headWidth] = attended.shape as [number, number, number, number];
    const rows = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [-1, positions, heads * headWidth]);
    return this.output.forward(rows);
  }
}
