import type { Random } from "@mmgen/core";
import {
  type AttentionHeads,
  attention,
  causalMask,
  dropout,
  Embedding,
  type LayerNorm,
  type Linear,
  Module,
  Parameter,
  type RmsNorm,
  rotary,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type PositionTables, positionTables, rotate } from "./positions.js";
import { normalWeights, normOf, TransformerBlock } from "./transformer-block.js";
import { addsPositionVectors, type TransformerConfig } from "./transformer-config.js";

/** Parts of a transformer that all kinds of forward passes use. */
export interface TransformerNetwork {
  readonly config: TransformerConfig;
  readonly backbone: TransformerBackbone;
  /** Output layer, `[…, width]` → `[…, vocabularySize]` logits. */
  readonly head: Linear;
}

/** Differences between a forward pass over whole rows and one over a new position. */
export interface BackbonePass {
  /** Selects the rows of a `[contextLength, …]` table for the positions of the pass. */
  readonly rowsOf: (table: tf.Tensor) => tf.Tensor;
  /** Queries, keys and values of one layer → attended values, `[batch, heads, time, headWidth]`. */
  readonly attend: (layer: number, heads: AttentionHeads) => tf.Tensor;
  /** Random stream of dropout masks; absent: no dropout. */
  readonly random?: Random | undefined;
}

/** Options of {@link TransformerBackbone.forward}. */
export interface BackboneOptions {
  /** Random stream of dropout masks; absent: no dropout. */
  readonly random?: Random | undefined;
  /** Called with each layer's keys and values, `[batch, heads, time, headWidth]`. Default: nothing is called. */
  readonly onKeysAndValues?: (k: tf.Tensor, v: tf.Tensor) => void;
  /** Called with what each layer's attention weights are made of: queries, keys and the mask, absent where all is seen. */
  readonly onScores?: (q: tf.Tensor, k: tf.Tensor, mask: tf.Tensor | undefined) => void;
}

/**
 * Transformer backbone: embeddings, blocks and final norm, from ids to hidden states. Parameters have nanoGPT's names.
 *
 * @see https://github.com/karpathy/nanoGPT
 */
export class TransformerBackbone extends Module {
  static override readonly paths = {
    tokenEmbedding: "wte",
    positionEmbedding: "wpe",
    blocks: "h",
    finalNorm: "ln_f",
  };

  readonly tokenEmbedding: Embedding;
  readonly positionEmbedding: Embedding | undefined;
  readonly blocks: readonly TransformerBlock[];
  readonly finalNorm: LayerNorm | RmsNorm;
  readonly tables: PositionTables;
  /** Causal mask, added to attention scores, `[contextLength, contextLength]`; absent in a model that is not causal. */
  readonly mask: Parameter<tf.Tensor2D> | undefined;
  readonly #turn: (x: tf.Tensor, cosine: tf.Tensor2D, sine: tf.Tensor2D) => tf.Tensor;
  readonly #contextLength: number;
  readonly #dropout: number;

  constructor(config: TransformerConfig) {
    super();
    const { vocabularySize, contextLength, width, layers, positions, causal } = config;
    const initial = normalWeights(0.02);
    this.tokenEmbedding = new Embedding({ rows: vocabularySize, width, initial });
    this.positionEmbedding = addsPositionVectors(config)
      ? new Embedding({ rows: contextLength, width, initial })
      : undefined;
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(config));
    this.finalNorm = normOf(config);
    this.tables = positionTables(config);
    this.#turn = positions === "rotary" ? rotate : (x, cos, sin) => rotary(x, { cos, sin });
    const shape = [contextLength, contextLength];
    this.mask = causal
      ? new Parameter<tf.Tensor2D>({ shape, role: "constant", initial: () => causalMask(contextLength) })
      : undefined;
    this.#contextLength = contextLength;
    this.#dropout = config.dropout;
  }

  /**
   * Runs whole rows through all layers and the final norm.
   *
   * @param ids - `[batch, time]` int32; borrowed.
   * @returns `[batch, time, width]`; belongs to the surrounding `tf.tidy`.
   */
  forward(ids: tf.Tensor, { random, onKeysAndValues, onScores }: BackboneOptions = {}): tf.Tensor {
    const time = ids.shape[1]!;
    const rowsOf = (table: tf.Tensor) =>
      time === table.shape[0] ? table : tf.slice(table, [0, 0], [time, table.shape[1]!]);
    const whole = this.mask?.value;
    const mask = whole && (time === this.#contextLength ? whole : tf.slice(whole, [0, 0], [time, time]));
    return this.runPass(ids, {
      rowsOf,
      attend: (_, { q, k, v }) => {
        onKeysAndValues?.(k, v);
        onScores?.(q, k, mask);
        return attention(q, k, v, {
          ...(mask && { mask }),
          ...(random && { dropout: { rate: this.#dropout, random } }),
        });
      },
      random,
    });
  }

  /**
   * Runs ids through all layers and the final norm; the pass defines their positions and what they attend to.
   *
   * @param ids - `[batch, time]` int32, or `[batch]` of one position; borrowed.
   * @returns `[…ids, width]`; belongs to the surrounding `tf.tidy`.
   */
  runPass(ids: tf.Tensor, { rowsOf, attend, random }: BackbonePass): tf.Tensor {
    const drop = (x: tf.Tensor) => (random ? dropout(x, { rate: this.#dropout, random }) : x);
    const rotateHeads = this.#rotation(rowsOf);
    let x = this.tokenEmbedding.forward(ids); // [batch, time, width] or [batch, width]
    const added = (this.positionEmbedding?.weight ?? this.tables.sinusoidal)?.value;
    x = drop(added ? tf.add(x, rowsOf(added)) : x);
    for (const [layer, block] of this.blocks.entries()) {
      x = block.forward(x, { attend: (heads) => attend(layer, rotateHeads(heads)), drop });
    }
    return this.finalNorm.forward(x);
  }

  #rotation(rowsOf: BackbonePass["rowsOf"]): (heads: AttentionHeads) => AttentionHeads {
    const { cosine, sine } = this.tables;
    if (!cosine || !sine) {
      return (heads) => heads;
    }
    return ({ q, k, v }) => {
      const [cosines, sines] = [rowsOf(cosine.value), rowsOf(sine.value)] as [tf.Tensor2D, tf.Tensor2D];
      return { q: this.#turn(q, cosines, sines), k: this.#turn(k, cosines, sines), v };
    };
  }
}
