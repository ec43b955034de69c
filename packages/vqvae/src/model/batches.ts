import { type CodeBatch, checkCodeBatch, checkImageBatch, type ImageBatch, ShapeError } from "@mmgen/core";
import { type TensorFunction, unpackBytes, uploadBytes, uploadOwned } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Latent vectors of images, `[count, height, width, dimension]` row-major. */
export interface LatentBatch {
  readonly data: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly dimension: number;
}

/** Shape and range of the images that a model takes. */
export type ImageShape = Pick<ImageBatch, "height" | "width" | "channels" | "maxValue">;

/** Throws {@link ShapeError} unless the images have the shape and range that a model takes. */
export function checkImages(
  images: ImageBatch,
  expected: ImageShape,
  { minCount = 0 }: { readonly minCount?: number } = {},
): void {
  checkImageBatch(images);
  if (images.count < minCount) {
    throw new ShapeError("images: expected at least one image, got none.");
  }
  const { height, width, channels, maxValue } = expected;
  for (const axis of ["height", "width", "channels", "maxValue"] as const) {
    if (images[axis] !== expected[axis]) {
      throw new ShapeError(
        `images: this model takes ${height}×${width}×${channels} with maxValue ${maxValue}, got ${axis} ` +
          `${images[axis]}. Convert the images, or make a model for them.`,
      );
    }
  }
}

/** Throws {@link ShapeError} unless the codes lie on a model's grid and in its codebook. */
export function checkCodes(
  codes: CodeBatch,
  { height, width }: { readonly height: number; readonly width: number },
  codebookSize: number,
): void {
  checkCodeBatch(codes);
  if (codes.height !== height || codes.width !== width) {
    throw new ShapeError(
      `codes: this model's images have ${height}×${width} codes, got ${codes.height}×${codes.width}.`,
    );
  }
  checkCodeBatch(codes, codebookSize);
}

/** `[count, height, width, channels]`, int32; yours to dispose. */
export function levelsOf({ data, count, height, width, channels }: ImageBatch): tf.Tensor4D {
  return uploadOwned<tf.Rank.R4>(new Int32Array(data), [count, height, width, channels], "int32");
}

/** Rows that go through a network at once. */
const maxBatch = 128;

/**
 * Runs rows in batches of few distinct sizes, as each size is compiled anew.
 *
 * Batches have 128 rows, the last one the next power of two that holds the rest; its surplus rows are zero and their
 * results are dropped.
 *
 * @param rows - `[count, rowLength]` row-major; borrowed.
 * @param out - `[count, rowLength of a result]`; filled.
 * @param run - Takes a batch, `[size, rowLength]`, and its number of rows, and returns as many results.
 */
export async function inFixedBatches<A extends Uint8Array | Int32Array>(
  rows: { readonly data: A; readonly count: number },
  out: Uint8Array | Int32Array | Float32Array,
  run: (batch: A, size: number) => Promise<ArrayLike<number>>,
): Promise<void> {
  const { data, count } = rows;
  const [rowLength, outLength] = [data.length / count, out.length / count];
  for (let start = 0; start < count; start += maxBatch) {
    const held = Math.min(maxBatch, count - start);
    const size = 2 ** Math.ceil(Math.log2(held));
    const batch = (
      data instanceof Int32Array ? new Int32Array(size * rowLength) : new Uint8Array(size * rowLength)
    ) as A;
    batch.set(data.subarray(start * rowLength, (start + held) * rowLength));
    const results = await run(batch, size);
    for (let i = 0; i < held * outLength; i++) {
      out[start * outLength + i] = results[i]!;
    }
  }
}

/**
 * Runs images through a compiled function of what {@link takingImages} takes, and writes its results, numbers of each, to
 * `out`.
 */
export async function runOnImages(
  fn: TensorFunction,
  images: ImageBatch,
  out: Int32Array | Float32Array,
): Promise<void> {
  await inFixedBatches(images, out, (batch, size) => runAndRead(fn, () => uploadBytes(batch, size)));
}

/** Makes a function of levels, `[batch, height, width, channels]` int32, one of images as {@link runOnImages} uploads them. */
export function takingImages(
  model: { readonly imageShape: ImageShape },
  fn: (levels: tf.Tensor4D) => tf.Tensor,
): TensorFunction {
  return (uploaded) => {
    const { height, width, channels } = model.imageShape;
    const levels = unpackBytes(uploaded as tf.Tensor2D, height * width * channels);
    return [fn(tf.reshape(levels, [-1, height, width, channels]))];
  };
}

/** Runs a compiled function and reads its one result back. */
export async function runAndRead(fn: TensorFunction, input: () => tf.Tensor): Promise<ArrayLike<number>> {
  const result = tf.tidy(() => fn(input())[0]!);
  try {
    return await result.data();
  } finally {
    result.dispose();
  }
}
