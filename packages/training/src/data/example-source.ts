import {
  checkImageBatch,
  checkTokenBatch,
  type ExampleSource,
  gatherImages,
  type ImageBatch,
  ShapeError,
  type TokenBatch,
} from "@mmgen/core";
import { fields, optional, resolveOptions, typedArray, wholeNumber } from "@mmgen/core/options";

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

/** Options of {@link windowExamples}. */
export interface WindowExamplesOptions {
  /** Ids that the model sees at once, at most its `contextLength`. */
  readonly length: number;
  /** Distance between the beginnings of two windows. Default: 1, every window there is. */
  readonly stride?: number | undefined;
}

const windowSchema = fields({ length: wholeNumber({ min: 1 }), stride: optional(wholeNumber({ min: 1 }), 1) });

/**
 * The windows of one long row of ids as examples for `train` and `evaluateLoss`: each has `length` inputs and, as
 * targets, the ids that follow them.
 *
 * @param ids - Of a whole text, such as `encodeText` of a tokenizer gives; borrowed for as long as the source is used.
 * @throws a `ConfigError` when an option is unknown or out of range; a {@link ShapeError} when the text is shorter than
 *   a window.
 */
export function windowExamples(
  ids: Int32Array,
  options: WindowExamplesOptions,
): ExampleSource<{ readonly inputs: TokenBatch; readonly targets: TokenBatch }> {
  const { length, stride } = resolveOptions(windowSchema, options);
  resolveOptions(typedArray("Int32Array"), ids, { path: "ids" });
  if (ids.length <= length) {
    throw new ShapeError(
      `windowExamples: a window takes ${length} ids and the one after them, got ${ids.length}. Use a smaller length or a longer text.`,
    );
  }
  const count = Math.floor((ids.length - length - 1) / stride) + 1;
  const rowsFrom = (indices: Int32Array, offset: number): TokenBatch => {
    const data = new Int32Array(indices.length * length);
    for (const [i, index] of indices.entries()) {
      const start = index * stride + offset;
      data.set(ids.subarray(start, start + length), i * length);
    }
    return { data, count: indices.length, length };
  };
  return { count, batch: (indices) => ({ inputs: rowsFrom(indices, 0), targets: rowsFrom(indices, 1) }) };
}
