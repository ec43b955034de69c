import {
  checkImageBatch,
  checkTokenBatch,
  type ExampleSource,
  gatherImages,
  type ImageBatch,
  ShapeError,
  type TokenBatch,
} from "@mmgen/core";

/**
 * The images of one batch as examples for `train` and `evaluateLoss`.
 *
 * @param images - Borrowed for as long as the source is used; batches are copies.
 * @throws a {@link ShapeError} when it is no batch of images.
 */
export function imageExamples(images: ImageBatch): ExampleSource<ImageBatch> {
  checkImageBatch(images);
  return { count: images.count, batch: (indices) => gatherImages(images, indices) };
}

/**
 * The rows of one batch of ids, `[count, length]`, as examples for `train` and `evaluateLoss`.
 *
 * @param tokens - Borrowed for as long as the source is used; batches are copies.
 * @throws a {@link ShapeError} when it is no batch of ids, or from `batch` when an index is outside the batch.
 */
export function tokenExamples(tokens: TokenBatch): ExampleSource<TokenBatch> {
  checkTokenBatch(tokens, undefined, "tokens");
  const { count, length } = tokens;
  return {
    count,
    batch: (indices) => {
      const data = new Int32Array(indices.length * length);
      for (const [i, row] of indices.entries()) {
        if (!(row >= 0 && row < count)) {
          throw new ShapeError(`tokenExamples: expected a row in [0, ${count}), got ${row}.`);
        }
        data.set(tokens.data.subarray(row * length, (row + 1) * length), i * length);
      }
      return { data, count: indices.length, length };
    },
  };
}
