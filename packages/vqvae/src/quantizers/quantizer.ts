import type { Random } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { Parameter, Weights } from "../networks/layers.js";

/** What {@link Quantizer.quantize} gives; all of it belongs to the surrounding `tf.tidy`. */
export interface Quantization {
  /** What the decoder sees, shaped as the latents; gradients reach the latents. */
  readonly quantized: tf.Tensor2D;
  /** The quantizer's part of the loss, weighted. */
  readonly loss: tf.Scalar;
  /** Its terms and other figures, unweighted. */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  /** What {@link Quantizer.afterStep} wants back; constants to the tape. */
  readonly aux: tf.NamedTensorMap;
}

/**
 * From latent vectors to codes and back. Weights are named and passed in, so that a quantizer holds none itself.
 *
 * Vectors are `[vectors, latentDimension]`; codes are `[vectors, codesPerVector]`, int32.
 */
export interface Quantizer {
  /** Number of distinct codes. */
  readonly codebookSize: number;
  /** Length of a latent vector. */
  readonly latentDimension: number;
  /** Codes that one latent vector becomes; they lie side by side in the code grid, all of them in [0, codebookSize). */
  readonly codesPerVector: number;
  /** Codebooks that these codes are of, in turns: 1, or `codesPerVector`. */
  readonly codebooks: number;
  readonly parameters: readonly Parameter[];
  /** The training-time form, differentiable in the latents. */
  quantize(latents: tf.Tensor2D, weights: Weights): Quantization;
  /** The codes of latent vectors; the caller's. */
  codes(latents: tf.Tensor2D, weights: Weights): tf.Tensor2D;
  /** The vectors that codes stand for; the caller's. */
  vectors(codes: tf.Tensor2D, weights: Weights): tf.Tensor2D;
  /** Sets the weights from first latents, where they have not been set before. */
  initialize(latents: tf.Tensor2D, variables: ReadonlyMap<string, tf.Variable>, random: Random): Promise<void>;
  /** Updates the weights that no gradient reaches, from the {@link Quantization.aux} of the step. Reads nothing. */
  afterStep(aux: tf.NamedTensorMap, variables: ReadonlyMap<string, tf.Variable>, random: Random): void;
}
