import {
  type AttentionHeads,
  gelu,
  type Initializer,
  LayerNorm,
  Linear,
  Module,
  normal,
  RmsNorm,
  SelfAttention,
  silu,
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

  readonly attentionNorm: LayerNorm | RmsNorm;
  readonly attention: BlockAttention;
  readonly feedForwardNorm: LayerNorm | RmsNorm;
  readonly feedForward: GeluFeedForward | SwigluFeedForward;

  constructor(config: TransformerConfig) {
    super();
    const initialOutput = { weight: normalWeights(0.02 / Math.sqrt(2 * config.layers)) };
    this.attentionNorm = normOf(config);
    this.attention = new BlockAttention(config, initialOutput);
    this.feedForwardNorm = normOf(config);
    this.feedForward =
      config.feedForward === "swiglu"
        ? new SwigluFeedForward(config, initialOutput)
        : new GeluFeedForward(config, initialOutput);
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

/** The norm of the residual stream that the configuration asks for. */
export function normOf({ width, bias, normalization }: TransformerConfig): LayerNorm | RmsNorm {
  return normalization === "rms" ? new RmsNorm({ width }) : new LayerNorm({ width, bias });
}

/** First values of a projection back to the residual stream. */
interface InitialOutput {
  readonly weight: Initializer;
}

/**
 * Attention whose queries and keys may have a norm with a gain of their own, shared by the heads.
 *
 * @see Henry et al. 2020, https://arxiv.org/abs/2010.04245; Dehghani et al. 2023, section 2, https://arxiv.org/abs/2302.05442
 */
class BlockAttention extends SelfAttention {
  static override readonly paths = { input: "c_attn", output: "c_proj", queryNorm: "q_norm", keyNorm: "k_norm" };

  readonly queryNorm: RmsNorm | undefined;
  readonly keyNorm: RmsNorm | undefined;

  constructor({ width, heads, bias, queryKeyNorm }: TransformerConfig, initialOutput: InitialOutput) {
    super({ width, heads, bias, initialInput: { weight: normalWeights(0.02) }, initialOutput });
    this.queryNorm = queryKeyNorm ? new RmsNorm({ width: width / heads }) : undefined;
    this.keyNorm = queryKeyNorm ? new RmsNorm({ width: width / heads }) : undefined;
  }

  override split(x: tf.Tensor): AttentionHeads {
    const { q, k, v } = super.split(x);
    return { q: this.queryNorm?.forward(q) ?? q, k: this.keyNorm?.forward(k) ?? k, v };
  }
}

class GeluFeedForward extends Module {
  static override readonly paths = { input: "c_fc", output: "c_proj" };

  /** `[…, width]` → `[…, feedForwardWidth]` */
  readonly input: Linear;
  readonly output: Linear;
  readonly #approximate: "none" | "tanh";

  constructor({ width, feedForwardWidth, bias, gelu }: TransformerConfig, initialOutput: InitialOutput) {
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

/**
 * Feed-forward part with a gate, `output(SiLU(gate(x)) · input(x))`; Llama's names.
 *
 * @see Shazeer 2020, https://arxiv.org/abs/2002.05202
 */
class SwigluFeedForward extends Module {
  static override readonly paths = { gate: "gate_proj", input: "up_proj", output: "down_proj" };

  /** `[…, width]` → `[…, feedForwardWidth]`, as `input`. */
  readonly gate: Linear;
  readonly input: Linear;
  readonly output: Linear;

  constructor({ width, feedForwardWidth, bias }: TransformerConfig, initialOutput: InitialOutput) {
    super();
    const inner = { inputs: width, outputs: feedForwardWidth, bias, initial: { weight: normalWeights(0.02) } };
    this.gate = new Linear(inner);
    this.input = new Linear(inner);
    this.output = new Linear({ inputs: feedForwardWidth, outputs: width, bias, initial: initialOutput });
  }

  forward(x: tf.Tensor): tf.Tensor {
    return this.output.forward(tf.mul(silu(this.gate.forward(x)), this.input.forward(x)));
  }
}

/** Initializer that draws from N(0, standardDeviation²). */
export function normalWeights(standardDeviation: number): Initializer {
  return (shape, random) => normal(shape, { random, standardDeviation });
}
