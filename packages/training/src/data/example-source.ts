import { type ExampleSource, gatherImages, type ImageBatch, ShapeError, type TokenBatch } from "@mmgen/core";

/** The images of one batch as examples. */
export function imageExamples(images: ImageBatch): ExampleSource<ImageBatch> {
  return { count: images.count, batch: (indices) => gatherImages(images, indices) };
}

/** The rows of one batch as examples. */
export function tokenExamples(tokens: TokenBatch): ExampleSource<TokenBatch> {
  const { count, length } = tokens;
  return {
    count,
    batch: (indices) => {
      const data = new Int32Array(indices.length * length);
      for (const [i, row] of indices.entries()) {
        if (!(row >= 0 && row < count)) {
          throw new ShapeError(`tokenExamples: row ${row} is outside the batch of ${count} rows.`);
        }
        data.set(tokens.data.subarray(row * length, (row + 1) * length), i * length);
      }
      return { data, count: indices.length, length };
    },
  };
}
