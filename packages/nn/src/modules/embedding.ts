import type * as tf from "@tensorflow/tfjs-core";
import { embedding } from "../layers/embedding.js";
import { normal } from "../weights/initializers.js";
import { Module } from "./module.js";
import { type Initializer, Parameter } from "./parameter.js";

/** Options of {@link Embedding}. */
export interface EmbeddingOptions {
  /** Number of ids. */
  readonly rows: number;
  /** Length of a row. */
  readonly width: number;
  /** First values; N(0, 1) when absent, as in PyTorch. */
  readonly initial?: Initializer;
}

/** A table with one row an id; see {@link embedding}. */
export class Embedding extends Module {
  /** `[rows, width]`. */
  readonly weight: Parameter<tf.Tensor2D>;

  constructor({ rows, width, initial = (shape, random) => normal(shape, { random }) }: EmbeddingOptions) {
    super();
    this.weight = new Parameter({ shape: [rows, width], initial });
  }

  /**
   * @param ids - Any shape, int32, each in `[0, rows)`; borrowed.
   * @returns `[...ids.shape, width]`; belongs to the surrounding `tf.tidy`.
   */
  forward(ids: tf.Tensor): tf.Tensor {
    return embedding(this.weight.value, ids);
  }
}
