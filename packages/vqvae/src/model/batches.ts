import { type CodeBatch, checkCodeBatch, checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";
import type { VqVaeConfig } from "./vq-vae-config.js";

/** Latent vectors of images, `[count, height, width, dimension]` row-major. */
export interface LatentBatch {
  readonly data: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly dimension: number;
}

/** Throws {@link ShapeError} unless the images are of the side, channels and maxValue that a model is made for. */
export function checkImages(images: ImageBatch, { imageSide, channels, maxValue }: VqVaeConfig): void {
  const expected = { height: imageSide, width: imageSide, channels, maxValue };
  for (const [axis, size] of Object.entries(expected) as [keyof typeof expected, number][]) {
    if (images[axis] !== size) {
      throw new ShapeError(
        `images: this model takes ${imageSide}×${imageSide}×${channels} with maxValue ${maxValue}, got ${axis} ` +
          `${images[axis]}. Convert the images, or make a model for them.`,
      );
    }
  }
  checkImageBatch(images);
}

/** Throws {@link ShapeError} unless the codes lie on a model's grid and in its codebook. */
export function checkCodes(
  codes: CodeBatch,
  { height, width }: { readonly height: number; readonly width: number },
  codebookSize: number,
): void {
  if (codes.height !== height || codes.width !== width) {
    throw new ShapeError(
      `codes: this model's images have ${height}×${width} codes, got ${codes.height}×${codes.width}.`,
    );
  }
  checkCodeBatch(codes, codebookSize);
}

/** The most rows that go through a network at once. */
export const greatestBatch = 128;

/**
 * Runs rows through a function that likes few distinct batch sizes, as each size is compiled anew.
 *
 * Batches have {@link greatestBatch} rows, the last one the next power of two that holds the rest; what it holds beyond
 * them is zero and its results are dropped.
 *
 * @param rows - `[count, rowLength]` row-major; borrowed.
 * @param out - `[count, rowLength of a result]`; filled.
 * @param run - Takes a batch and its number of rows, `[batch, rowLength]`, and gives as many results.
 */
export async function inFixedBatches(
  rows: { readonly data: Uint8Array | Int32Array; readonly count: number },
  out: Uint8Array | Int32Array | Float32Array,
  run: (batch: Int32Array, size: number) => Promise<ArrayLike<number>>,
): Promise<void> {
  const { data, count } = rows;
  const [rowLength, outLength] = [data.length / count, out.length / count];
  for (let start = 0; start < count; start += greatestBatch) {
    const held = Math.min(greatestBatch, count - start);
    const size = 2 ** Math.ceil(Math.log2(held));
    const batch = new Int32Array(size * rowLength);
    batch.set(data.subarray(start * rowLength, (start + held) * rowLength));
    const results = await run(batch, size);
    for (let i = 0; i < held * outLength; i++) {
      out[start * outLength + i] = results[i]!;
    }
  }
}
