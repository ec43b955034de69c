import { checkTokenBatch, DataError, ShapeError, type TokenBatch, VocabularyError } from "@mmgen/core";
import { resolveOptions, typedArray } from "@mmgen/core/options";
import type * as tf from "@tensorflow/tfjs-core";

/**
 * Checks that `ids` is a batch that a model of these sizes can run: `[count ≥ 1, 1 ≤ length ≤ contextLength]`.
 *
 * @param name - Name of the batch in messages, such as "inputs".
 * @throws a {@link ShapeError} for a wrong shape, {@link VocabularyError} for an id outside the vocabulary.
 */
export function checkTokens(name: string, ids: TokenBatch, vocabularySize: number, contextLength: number): void {
  checkTokenBatch(ids, undefined, name);
  const { data, count, length } = ids;
  if (count < 1 || length < 1) {
    throw new ShapeError(
      `${name}: expected [count, length] ids with at least one row of at least one id; ` +
        `got ${data.length} values for [${count}, ${length}].`,
    );
  }
  if (length > contextLength) {
    throw new ShapeError(`${name}: rows of ${length} ids exceed the model's contextLength ${contextLength}.`);
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

/**
 * Throws {@link ShapeError} unless `ids` is int32 with one id per row of the cache, and the cache has room for them.
 */
export function checkStep(
  ids: tf.Tensor,
  cache: { readonly length: number; readonly rows: number },
  contextLength: number,
): void {
  if (ids.rank !== 1 || ids.dtype !== "int32" || ids.shape[0] !== cache.rows) {
    throw new ShapeError(`step: expected int32 [${cache.rows}], one id per row, got ${ids.dtype} [${ids.shape}].`);
  }
  if (cache.length >= contextLength) {
    throw new ShapeError(
      `step: the cache is full with ${cache.length} ids, the model's contextLength; prefill a shorter prompt.`,
    );
  }
}

/** Throws {@link VocabularyError} unless every id is in `[0, vocabularySize)`. */
export function checkVocabulary(name: string, data: Int32Array, vocabularySize: number): void {
  for (let i = 0; i < data.length; i++) {
    if (!(data[i]! >= 0 && data[i]! < vocabularySize)) {
      throw new VocabularyError(
        `${name}: id ${data[i]} at index ${i} is outside the model's vocabulary [0, ${vocabularySize}). ` +
          "Use the tokenizer that the model was trained with.",
      );
    }
  }
}

/**
 * Normalizes loss weights: `shares` are the weights divided by their sum, or zeros where all of them are.
 *
 * @throws a {@link ShapeError} for a wrong length, {@link DataError} for weights that are negative or not finite.
 */
export function normalizeWeights(
  weights: Float32Array,
  targets: TokenBatch,
): { readonly shares: Float32Array; readonly sum: number } {
  resolveOptions(typedArray("Float32Array"), weights, { path: "weights" });
  if (weights.length !== targets.data.length) {
    throw new ShapeError(`weights: expected one per target (${targets.data.length}), got ${weights.length}.`);
  }
  let sum = 0;
  for (const weight of weights) {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new DataError(`weights: expected finite numbers of at least 0, got ${weight}.`);
    }
    sum += weight;
  }
  return { shares: sum === 0 ? weights : weights.map((weight) => weight / sum), sum };
}
