import { gatherImages, type ImageBatch, type Random, ShapeError, type TokenBatch } from "@mmgen/core";

/** What {@link ExampleSource.batch} may want to know beside the indices. */
export interface BatchContext {
  /** Counted from 0; 0 throughout an evaluation. */
  readonly epoch: number;
  /** Whether the batch is trained on; augment only then. */
  readonly training: boolean;
  /** A stream of this batch's own, the same in a resumed run. */
  readonly random: Random;
}

/** Examples that batches are made of, by index. */
export interface ExampleSource<Batch> {
  readonly count: number;
  /** Makes a batch of the examples at `indices`, in that order. Batches of equal length must have equal shapes. */
  batch(indices: Int32Array, context: BatchContext): Batch | Promise<Batch>;
}

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
