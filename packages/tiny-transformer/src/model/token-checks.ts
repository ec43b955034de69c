import { DataError, ShapeError, type TokenBatch, VocabularyError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { KeyValueCache } from "../decoding/key-value-cache.js";

/**
 * Throws unless `ids` is a batch that a model of these sizes can run: `[count ≥ 1, 1 ≤ length ≤ contextLength]`.
 *
 * @param name - What the message calls the batch: "inputs".
 * @throws a {@link ShapeError} for a wrong shape, {@link VocabularyError} for an id outside the vocabulary.
 */
export function checkTokens(name: string, ids: TokenBatch, vocabularySize: number, contextLength: number): void {
  const { data, count, length } = ids;
  if (!(count >= 1 && length >= 1) || data.length !== count * length) {
    throw new ShapeError(
      `${name}: expected at least one row of at least one id, [count, length] in all; ` +
        `got ${data.length} values for [${count}, ${length}].`,
    );
  }
  if (length > contextLength) {
    throw new ShapeError(`${name}: rows of ${length} ids do not fit the model's contextLength ${contextLength}.`);
  }
  checkVocabulary(name, data, vocabularySize);
}

/** Throws {@link ShapeError} unless `ids` is int32 `[batch ≥ 1, 1 ≤ time ≤ contextLength]`. */
export function checkIdTensor(ids: tf.Tensor, contextLength: number): void {
  if (ids.rank !== 2 || ids.dtype !== "int32" || ids.size === 0 || ids.shape[1]! > contextLength) {
    throw new ShapeError(
      `ids: expected int32 [batch ≥ 1, 1 ≤ time ≤ ${contextLength}], got ${ids.dtype} [${ids.shape}].`,
    );
  }
}

/** Throws {@link ShapeError} unless `ids` is int32, one a row of the cache, and the cache has room for them. */
export function checkStep(ids: tf.Tensor, cache: KeyValueCache, contextLength: number): void {
  if (ids.rank !== 1 || ids.dtype !== "int32" || ids.shape[0] !== cache.rows) {
    throw new ShapeError(`step: expected int32 [${cache.rows}], one id a row, got ${ids.dtype} [${ids.shape}].`);
  }
  if (cache.length >= contextLength) {
    throw new ShapeError(
      `step: the rows hold ${cache.length} ids, the model's whole contextLength; start anew from a shorter prompt.`,
    );
  }
}

/** Throws {@link VocabularyError} unless every id is in `[0, vocabularySize)`. */
export function checkVocabulary(name: string, data: Int32Array, vocabularySize: number): void {
  for (let i = 0; i < data.length; i++) {
    if (!(data[i]! >= 0 && data[i]! < vocabularySize)) {
      throw new VocabularyError(
        `${name}: id ${data[i]} at index ${i} is outside the model's vocabulary [0, ${vocabularySize}). ` +
          "Encode with the tokenizer that the model was made for.",
      );
    }
  }
}

/**
 * The share of the loss that each target has: `weights` divided by their sum.
 *
 * @throws a {@link ShapeError} for a wrong length, {@link DataError} for weights that are negative or all zero.
 */
export function normalizeWeights(weights: Float32Array, targets: TokenBatch): Float32Array {
  if (weights.length !== targets.data.length) {
    throw new ShapeError(`weights: expected one a target, ${targets.data.length} in all, got ${weights.length}.`);
  }
  let sum = 0;
  for (const weight of weights) {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new DataError(`weights: expected finite numbers of at least 0, got ${weight}.`);
    }
    sum += weight;
  }
  if (sum === 0) {
    throw new DataError("weights: all are 0, so there is no loss; give at least one target a weight.");
  }
  return weights.map((weight) => weight / sum);
}
