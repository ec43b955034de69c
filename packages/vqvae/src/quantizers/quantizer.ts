import { describeValue, type Random, ShapeError } from "@mmgen/core";
import { Module, type StepPart } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type RowMask, rowMask } from "../codebooks/row-mask.js";

/** What {@link Quantizer.quantize} returns. */
export interface Quantization {
  /** What a decoder takes, shaped as the latents: the vectors of the codes, with a gradient for the latents. */
  readonly quantized: tf.Tensor;
  /** As {@link Quantizer.codes} returns them, int32. */
  readonly codes: tf.Tensor;
  /** The quantizer's part of the loss, weighted; 0 where it has none. */
  readonly loss: tf.Scalar;
  /** The terms of the loss, unweighted, and the perplexity of a codebook's running counts. */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  /** For {@link Quantizer.afterStep}; without gradient. Empty where nothing is updated after a step. */
  readonly aux: tf.NamedTensorMap;
}

/** A mask of latents. */
export interface MaskOptions {
  /**
   * `[…]`, the latents' shape without the last axis, of any dtype; borrowed. Where it is 0 a latent counts neither in
   * losses nor in codebooks and may hold anything; its code and vector are returned like the others'.
   */
  readonly mask?: tf.Tensor | undefined;
}

/**
 * Replaces latent vectors by codes and codes by vectors.
 *
 * Latents are `[…, latentDimension]` of any rank, float32. Their codes are `[…]` for a quantizer with one code per
 * vector, `[…, chunks]` for a product and `[…, stages]` for a residual quantizer; int32.
 *
 * A quantizer is a {@link Module}: alone it gets its weights from `initializeWeights`, as a field of a larger module
 * from there. A training step calls `quantize`, adds its `loss` to the loss, and hands its `aux` to `afterStep` after the
 * optimizer's step.
 */
export abstract class Quantizer extends Module {
  /** The options with every default filled in; plain JSON. */
  abstract readonly config: { readonly type: string };
  /** Number of distinct codes; all codes are in [0, codebookSize). */
  abstract readonly codebookSize: number;
  /** Length of a latent vector. */
  abstract readonly latentDimension: number;
  /** Axes of the codes of one latent vector: none where it has one code, else one of their number. */
  readonly codeShape: readonly number[] = [];
  /** Codebooks that a vector's codes refer to, in turns: 1, or {@link Quantizer.codesPerVector}. */
  readonly codebooks: number = 1;

  /** Number of codes of one latent vector. */
  get codesPerVector(): number {
    return this.codeShape[0] ?? 1;
  }

  /**
   * Quantizes latents for training: differentiable in the latents.
   *
   * @param latents - `[…, latentDimension]`, float32; borrowed.
   * @returns Yours to dispose, or the surrounding `tf.tidy`'s.
   * @throws a `ShapeError` when the last axis has another length, the mask another shape than the other axes, or there is
   *   no latent.
   */
  quantize(latents: tf.Tensor, { mask }: MaskOptions = {}): Quantization {
    this.checkUsable();
    this.#checkLatents(latents, mask);
    expectLatents(latents);
    let result: Quantization | undefined;
    tf.tidy(() => {
      const rows = this.quantizeRows(toRows(latents), mask && rowMask(mask));
      result = {
        ...rows,
        quantized: latents.rank === 2 ? rows.quantized : tf.reshape(rows.quantized, latents.shape),
        codes: tf.reshape(rows.codes, this.#shapeOfCodes(latents)),
      };
      const { quantized, codes, loss, metrics, aux } = result;
      return [quantized, codes, loss, metrics, aux] as tf.TensorContainer;
    });
    return result!;
  }

  /**
   * The codes of latents, without gradient.
   *
   * @param latents - `[…, latentDimension]`, float32; borrowed.
   * @returns `[…]` or, where a vector has several codes, `[…, codesPerVector]`; int32; yours to dispose.
   * @throws a `ShapeError` when the last axis has another length.
   */
  codes(latents: tf.Tensor): tf.Tensor {
    this.checkUsable();
    this.#checkLatents(latents);
    return tf.tidy(() => tf.reshape(this.codesOfRows(toRows(latents)), this.#shapeOfCodes(latents)));
  }

  /**
   * The vectors that codes stand for: the lookup of a decoder.
   *
   * @param codes - Shaped as {@link Quantizer.codes} returns them, int32 in [0, codebookSize), unchecked; borrowed.
   * @returns `[…, latentDimension]`, float32; yours to dispose.
   * @throws a `ShapeError` when the last axis is not that of the codes of one vector.
   */
  vectors(codes: tf.Tensor): tf.Tensor {
    this.checkUsable();
    const { codeShape } = this;
    const shape = codes.shape.slice(0, codes.rank - codeShape.length);
    if (`${codes.shape.slice(shape.length)}` !== `${codeShape}`) {
      throw new ShapeError(`codes: expected […, ${codeShape}], got [${codes.shape.join(", ")}].`);
    }
    return tf.tidy(() => {
      const vectors = this.vectorsOfRows(tf.reshape(codes, [-1, ...codeShape]));
      return shape.length === 1 ? vectors : tf.reshape(vectors, [...shape, this.latentDimension]);
    });
  }

  /**
   * Sets the codebooks from the first latents, as the configuration says; does nothing where that has been done before,
   * in this process or in the one that saved the quantizer.
   *
   * @param latents - `[…, latentDimension]` of a training batch, float32; borrowed, read back.
   * @throws a `ShapeError` when a shape does not fit, or the mask leaves no latent.
   */
  async initialize(latents: tf.Tensor, random: Random, { mask }: MaskOptions = {}): Promise<void> {
    this.checkUsable();
    this.#checkLatents(latents, mask);
    expectLatents(latents);
    const kept = mask && (await keptRows(mask));
    const rows = tf.tidy(() => {
      const all = toRows(latents);
      return kept ? tf.gather(all, kept) : tf.clone(all);
    });
    try {
      await this.initializeFromRows(rows, random);
    } finally {
      rows.dispose();
    }
  }

  /**
   * Updates what no gradient reaches (running counts, EMA codebooks, dead codes) after a training step. Reads nothing
   * back, and keeps shapes from step to step.
   *
   * @param aux - Of {@link Quantizer.quantize}, perhaps among other tensors; borrowed.
   * @param random - Draws the latents that dead codes move to.
   */
  afterStep(aux: tf.NamedTensorMap, random: Random): void;
  afterStep(): void {
    this.checkUsable();
  }

  /**
   * What {@link Quantizer.afterStep} needs of one part of a step, as tensors to be added up over all parts; within a
   * `tf.tidy`.
   *
   * @param aux - Of the part's {@link Quantizer.quantize}, perhaps among other tensors; borrowed.
   */
  partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap;
  partSums(): tf.NamedTensorMap {
    return {};
  }

  /** {@link Quantizer.afterStep} from the sums over all parts, perhaps among other tensors; borrowed. */
  afterParts(sums: tf.NamedTensorMap): void;
  afterParts(): void {
    this.checkUsable();
  }

  /**
   * {@link Quantizer.quantize} of `[vectors, latentDimension]`, within a `tf.tidy`; codes of any shape in that order.
   *
   * Compute codes and fixed vectors in `noGrad`; without a loss return `tf.scalar(0)`, without state `metrics: {}` and
   * `aux: {}`. A loss averages over what counts with `meanOfRows` and the mask.
   */
  protected abstract quantizeRows(latents: tf.Tensor2D, mask: RowMask | undefined): RowQuantization;
  /** {@link Quantizer.codes} of `[vectors, latentDimension]`, within a `tf.tidy`, int32; of any shape in that order. */
  protected abstract codesOfRows(latents: tf.Tensor2D): tf.Tensor;
  /** {@link Quantizer.vectors} of `[vectors, …codeShape]`, within a `tf.tidy`: `[vectors, latentDimension]`, float32. */
  protected abstract vectorsOfRows(codes: tf.Tensor): tf.Tensor2D;
  /** {@link Quantizer.initialize} from `[vectors, latentDimension]`, those that count; does nothing unless overridden. */
  protected async initializeFromRows(_latents: tf.Tensor2D, _random: Random): Promise<void> {}

  #shapeOfCodes(latents: tf.Tensor): number[] {
    return [...latents.shape.slice(0, -1), ...this.codeShape];
  }

  #checkLatents(latents: tf.Tensor, mask?: tf.Tensor): void {
    const { shape } = latents;
    if (shape.at(-1) !== this.latentDimension) {
      throw new ShapeError(`latents: expected […, ${this.latentDimension}], got [${shape.join(", ")}].`);
    }
    if (mask !== undefined && `${mask.shape}` !== `${shape.slice(0, -1)}`) {
      throw new ShapeError(`mask: expected ${describeValue(shape.slice(0, -1))}, got ${describeValue(mask.shape)}.`);
    }
  }
}

/** {@link Quantization} of `[vectors, latentDimension]`. */
export interface RowQuantization extends Quantization {
  readonly quantized: tf.Tensor2D;
}

/** A mean over no latent is no number. */
function expectLatents({ shape, size }: tf.Tensor): void {
  if (size === 0) {
    throw new ShapeError(`latents: expected at least one vector to learn from, got [${shape.join(", ")}].`);
  }
}

/** `[…, dimension]` → `[vectors, dimension]`. */
function toRows(latents: tf.Tensor): tf.Tensor2D {
  return latents.rank === 2 ? (latents as tf.Tensor2D) : tf.reshape(latents, [-1, latents.shape.at(-1)!]);
}

/** Indices of the rows that count. */
async function keptRows(mask: tf.Tensor): Promise<Int32Array> {
  const values = await mask.data();
  const kept = Int32Array.from(values.keys()).filter((row) => Number(values[row]) !== 0);
  if (kept.length === 0) {
    throw new ShapeError(`mask: expected at least one latent to start from, got none of ${values.length}.`);
  }
  return kept;
}
