import { type ForwardPass, Module, normal, Parameter, SelfAttention } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { Grid } from "./network.js";
import { createNorm, type Norm, type Normalization, normalize } from "./residual-block.js";

/** Options of {@link GridAttention}. */
export interface GridAttentionOptions extends Normalization {
  readonly channels: number;
  readonly heads: number;
  readonly grid: Grid;
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
    const { channels, heads, grid } = options;
    this.norm = createNorm(channels, options);
    this.position = {
      weight: new Parameter({
        shape: [grid.height * grid.width, channels],
        initial: (shape, random) => normal(shape, { random, standardDeviation: 0.02 }),
      }),
    };
    this.heads = new GridHeads({ width: channels, heads });
    this.#options = options;
  }

  /** `[batch, height, width, channels]` → the same shape. */
  forward(x: tf.Tensor4D, pass: ForwardPass): tf.Tensor4D {
    const { channels, grid } = this.#options;
    const normalized = normalize(x, this.norm, pass);
    const positions = tf.add(
      tf.reshape(normalized, [-1, grid.height * grid.width, channels]),
      this.position.weight.value,
    );
    return tf.add(x, tf.reshape(this.heads.forward(positions), x.shape));
  }
}

/** The layers' names in files. */
class GridHeads extends SelfAttention {
  static override readonly paths = { input: "attention", output: "projection" };
}
