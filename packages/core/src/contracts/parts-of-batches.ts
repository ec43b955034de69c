import { describeValue } from "../errors/describe-value.js";
import { ShapeError } from "../errors/errors.js";
import { type BatchForm, type CodeBatch, checkForm, codeForm, type ImageBatch, imageForm } from "./batches.js";

/**
 * The images of `start` (inclusive) to `end` (exclusive), as a view of the same memory.
 *
 * @throws a {@link ShapeError} unless `0 ≤ start ≤ end ≤ count`.
 */
export function sliceImages(images: ImageBatch, start: number, end: number): ImageBatch {
  return slice("sliceImages", images, imageForm, [start, end]);
}

/** The codes of some images, as {@link sliceImages} has the images. */
export function sliceCodes(codes: CodeBatch, start: number, end: number): CodeBatch {
  return slice("sliceCodes", codes, codeForm, [start, end]);
}

/**
 * A copy of the images at `indices`, in that order; an index may come twice.
 *
 * @throws a {@link ShapeError} when an index is not of an image in the batch.
 */
export function gatherImages(images: ImageBatch, indices: ArrayLike<number>): ImageBatch {
  return gather("gatherImages", images, imageForm, indices);
}

/** A copy of the codes of the images at `indices`, as {@link gatherImages} has the images. */
export function gatherCodes(codes: CodeBatch, indices: ArrayLike<number>): CodeBatch {
  return gather("gatherCodes", codes, codeForm, indices);
}

/**
 * The images mirrored left to right, all channels of a pixel together; a copy.
 *
 * @throws a {@link ShapeError} when the batch is malformed.
 */
export function mirrorImages(images: ImageBatch): ImageBatch {
  const data = checkForm("images", images, imageForm);
  const { channels, width } = images;
  const mirrored = new Uint8Array(data.length);
  const row = width * channels;
  for (let start = 0; start < data.length; start += row) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        mirrored[start + (width - 1 - x) * channels + channel] = data[start + x * channels + channel]!;
      }
    }
  }
  return { ...images, data: mirrored };
}

/**
 * All images of some batches, in order, as one batch; a copy.
 *
 * @param batches - At least one; all of one size and range.
 * @throws a {@link ShapeError} when there is none, or they differ.
 */
export function concatImages(batches: readonly ImageBatch[]): ImageBatch {
  return concat("concatImages", batches, imageForm, ["height", "width", "channels", "maxValue"]);
}

/** The codes of all images of some batches, as {@link concatImages} has the images. */
export function concatCodes(batches: readonly CodeBatch[]): CodeBatch {
  return concat("concatCodes", batches, codeForm, ["height", "width"]);
}

type Batch = ImageBatch | CodeBatch;

/** Values of one image. */
function sizeOf(batch: Batch, { axes }: BatchForm): number {
  return axes.slice(1).reduce((size, axis) => size * batch[axis as "height" | "width"], 1);
}

function slice<Of extends Batch>(name: string, batch: Of, form: BatchForm, [start, end]: [number, number]): Of {
  const isBound = (bound: number) => Number.isInteger(bound) && bound >= 0 && bound <= batch.count;
  if (!isBound(start) || !isBound(end) || start > end) {
    throw new ShapeError(
      `${name}: expected 0 ≤ start ≤ end ≤ ${batch.count}, got ${describeValue(start)} and ${describeValue(end)}.`,
    );
  }
  const size = sizeOf(batch, form);
  return { ...batch, data: batch.data.subarray(start * size, end * size), count: end - start };
}

function gather<Of extends Batch>(name: string, batch: Of, form: BatchForm, indices: ArrayLike<number>): Of {
  const size = sizeOf(batch, form);
  const data = newArray(form, indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]!;
    if (!Number.isInteger(from) || from < 0 || from >= batch.count) {
      throw new ShapeError(`${name}: index ${describeValue(from)} is outside the batch of ${batch.count} images.`);
    }
    data.set(batch.data.subarray(from * size, (from + 1) * size), i * size);
  }
  return { ...batch, data, count: indices.length };
}

function concat<Of extends Batch>(
  name: string,
  batches: readonly Of[],
  form: BatchForm,
  axes: readonly (keyof Of & string)[],
): Of {
  const first = batches[0];
  if (first === undefined) {
    throw new ShapeError(`${name}: expected at least one batch, got none.`);
  }
  const parts = batches.map((batch, i) => checkForm(`batches[${i}]`, batch, form));
  for (const [i, batch] of batches.entries()) {
    for (const axis of axes) {
      if (batch[axis] !== first[axis]) {
        throw new ShapeError(`${name}: batch ${i} has ${axis} ${batch[axis]}, the first ${first[axis]}.`);
      }
    }
  }
  const data = newArray(
    form,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let start = 0;
  for (const part of parts) {
    data.set(part, start);
    start += part.length;
  }
  return { ...first, data, count: batches.reduce((sum, { count }) => sum + count, 0) };
}

function newArray({ array }: BatchForm, length: number): Uint8Array | Int32Array {
  return array === "Uint8Array" ? new Uint8Array(length) : new Int32Array(length);
}
