import {
  type AttentionHeads,
  gelu,
  type Initializer,
  LayerNorm,
  Linear,
  Module,
  normal,
  SelfAttention,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./transformer-config.js";

/** Functions of a forward pass that a {@link TransformerBlock} calls. */
export interface BlockPass {
  /** Queries, keys and values → attended values, `[batch, heads, time, headWidth]`. */
  readonly attend: (heads: AttentionHeads) => tf.Tensor;
  /** Dropout of both residual branches; the identity outside of training. */
  readonly drop: (x: tf.Tensor) => tf.Tensor;
}

/**
 * Transformer block: pre-norm attention and feed-forward parts, each with a residual connection.
 *
 * Initial weights are drawn from N(0, 0.02); those of the projections back to the residual stream from N(0, 0.02 / √(2
 * · layers)), so that its variance does not grow with depth. Biases start at 0.
 *
 * @see Radford et al. 2019, section 2.3,
 *   https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
 */
export class TransformerBlock extends Module {
  static override readonly paths = {
    attentionNorm: "ln_1",
    attention: "attn",
    feedForwardNorm: "ln_2",
    feedForward: "mlp",
  };

  readonly attentionNorm: LayerNorm;
  readonly attention: BlockAttention;
  readonly feedForwardNorm: LayerNorm;
  readonly feedForward: FeedForward;

  constructor(config: TransformerConfig) {
    super();
    const { width, heads, layers, bias } = config;
    const initialOutput = { weight: normalWeights(0.02 / Math.sqrt(2 * layers)) };
    const initialInput = { weight: normalWeights(0.02) };
    this.attentionNorm = new LayerNorm({ width, bias });
    this.attention = new BlockAttention({ width, heads, bias, initialInput, initialOutput });
    this.feedForwardNorm = new LayerNorm({ width, bias });
    this.feedForward = new FeedForward(config, initialOutput);
  }

  /**
   * @param x - `[batch, time, width]`, or `[batch, width]` of one position; borrowed.
   * @returns Shaped as `x`; belongs to the surrounding `tf.tidy`.
   */
  forward(x: tf.Tensor, { attend, drop }: BlockPass): tf.Tensor {
    const { attention, attentionNorm, feedForward, feedForwardNorm } = this;
    const attended = attend(attention.split(withTime(attentionNorm.forward(x))));
    const merged = attention.merge(attended);
    const between = tf.add(x, drop(x.rank === 2 ? tf.reshape(merged, x.shape) : merged));
    return tf.add(between, drop(feedForward.forward(feedForwardNorm.forward(between))));
  }
}

/** `[batch, width]` → `[batch, 1, width]`. */
function withTime(x: tf.Tensor): tf.Tensor {
  return x.rank === 2 ? tf.expandDims(x, 1) : x;
}

class BlockAttention extends SelfAttention {
  static override readonly paths = { input: "c_attn", output: "c_proj" };
}

class FeedForward extends Module {
  static override readonly paths = { input: "c_fc", output: "c_proj" };

  /** `[…, width]` → `[…, feedForwardWidth]` */
  readonly input: Linear;
  readonly output: Linear;
  readonly #approximate: "none" | "tanh";

  constructor(
    { width, feedForwardWidth, bias, gelu }: TransformerConfig,
    initialOutput: { readonly weight: Initializer },
  ) {
    super();
    const initial = { weight: normalWeights(0.02) };
    this.input = new Linear({ inputs: width, outputs: feedForwardWidth, bias, initial });
    this.output = new Linear({ inputs: feedForwardWidth, outputs: width, bias, initial: initialOutput });
    this.#approximate = gelu === "exact" ? "none" : "tanh";
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.output.forward(gelu(this.input.forward(x), { approximate: this.#approximate }));
  }
}

/** Initializer that draws from N(0, standardDeviation²). */
export function normalWeights(standardDeviation: number): Initializer {
  return (shape, random) => normal(shape, { random, standardDeviation });
}
