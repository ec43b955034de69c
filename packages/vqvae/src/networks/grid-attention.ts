import { type ForwardPass, Module, normal, Parameter, SelfAttention } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { createNorm, type Nonlinearity, type Norm, normalize } from "./residual-block.js";

/** Options of {@link GridAttention}. */
export interface GridAttentionOptions {
  readonly channels: number;
  readonly heads: number;
  /** Height and width of the grid. */
  readonly side: number;
  readonly normalization: Nonlinearity["normalization"];
}

/**
 * x + (normalize, add positions, attend, project)(x): every position of the grid attends to every other.
 *
 * What one position encodes (the color of the whole background, say) the others need not repeat, so their codes are free
 * for local detail.
 *
 * @see Esser et al. 2021, section 3.1, https://arxiv.org/abs/2012.09841
 */
export class GridAttention extends Module {
  static override readonly paths = { heads: "" };

  readonly norm: Norm;
  /** Learned position embedding, `[positions, channels]`. */
  readonly position: { readonly weight: Parameter };
  readonly heads: SelfAttention;
  readonly #options: GridAttentionOptions;

  constructor(options: GridAttentionOptions) {
    super();
    const { channels, heads, side, normalization } = options;
    this.norm = createNorm(channels, { normalization });
    this.position = {
      weight: new Parameter({
        shape: [side * side, channels],
        initial: (shape, random) => normal(shape, { random, standardDeviation: 0.02 }),
      }),
    };
    this.heads = new GridHeads({ width: channels, heads });
    this.#options = options;
  }

  /** `[batch, side, side, channels]` → the same shape. */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const { channels, side } = this.#options;
    const normalized = normalize(x, this.norm, pass);
    const positions = tf.add(tf.reshape(normalized, [-1, side * side, channels]), this.position.weight.value);
    return tf.add(x, tf.reshape(this.heads.forward(positions), x.shape));
  }
}

/** The layers' names in files. */
class GridHeads extends SelfAttention {
  static override readonly paths = { input: "attention", output: "projection" };
}
