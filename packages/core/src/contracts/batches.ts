import { describeValue } from "../errors/describe-value.js";
import { ShapeError } from "../errors/errors.js";

/** Images as integer levels, `[count, height, width, channels]` row-major; level `maxValue` is full intensity. */
export interface ImageBatch {
  readonly data: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** The maximum level: 3 for colored MNIST, 255 for ordinary images. */
  readonly maxValue: number;
}

/** Discrete image codes, `[count, height, width]` row-major, each in `[0, codebookSize)`. */
export interface CodeBatch {
  readonly data: Int32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Token ids, `[count, length]` row-major. */
export interface TokenBatch {
  readonly data: Int32Array;
  readonly count: number;
  readonly length: number;
}

/** Throws {@link ShapeError} unless the batch's array has the length its shape asks for and levels within `maxValue`. */
export function checkImageBatch(images: ImageBatch): void {
  const { data, count, height, width, channels, maxValue } = images;
  checkLength("images", data.length, { count, height, width, channels });
  if (!Number.isInteger(maxValue) || maxValue < 1 || maxValue > 255) {
    throw new ShapeError(`images: maxValue must be a whole number from 1 to 255, got ${describeValue(maxValue)}.`);
  }
  for (let i = 0; i < data.length; i++) {
    if (data[i]! > maxValue) {
      throw new ShapeError(
        `images: level ${data[i]} at index ${i} is above maxValue ${maxValue}. Set maxValue to the data's maximum level.`,
      );
    }
  }
}

/** Throws {@link ShapeError} unless the batch's array has the length its shape asks for and codes in the codebook. */
export function checkCodeBatch(codes: CodeBatch, codebookSize: number): void {
  const { data, count, height, width } = codes;
  checkLength("codes", data.length, { count, height, width });
  checkIds("codes", data, codebookSize);
}

/** Throws {@link ShapeError} unless the batch's array has the length its shape asks for and ids in the vocabulary. */
export function checkTokenBatch(ids: TokenBatch, vocabularySize: number): void {
  checkLength("ids", ids.data.length, { count: ids.count, length: ids.length });
  checkIds("ids", ids.data, vocabularySize);
}

/**
 * The images of `start` (inclusive) to `end` (exclusive), as a view of the same memory.
 *
 * @throws a {@link ShapeError} unless `0 ≤ start ≤ end ≤ count`.
 */
export function sliceImages(images: ImageBatch, start: number, end: number): ImageBatch {
  const isBound = (bound: number) => Number.isInteger(bound) && bound >= 0 && bound <= images.count;
  if (!isBound(start) || !isBound(end) || start > end) {
    throw new ShapeError(
      `sliceImages: expected 0 ≤ start ≤ end ≤ ${images.count}, got ${describeValue(start)} and ${describeValue(end)}.`,
    );
  }
  const size = images.height * images.width * images.channels;
  return { ...images, data: images.data.subarray(start * size, end * size), count: end - start };
}

/**
 * A copy of the images at `indices`, in that order; an index may come twice.
 *
 * @throws a {@link ShapeError} when an index is not of an image in the batch.
 */
export function gatherImages(images: ImageBatch, indices: ArrayLike<number>): ImageBatch {
  const size = images.height * images.width * images.channels;
  const data = new Uint8Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]!;
    if (!Number.isInteger(from) || from < 0 || from >= images.count) {
      throw new ShapeError(
        `gatherImages: index ${describeValue(from)} is outside the batch of ${images.count} images.`,
      );
    }
    data.set(images.data.subarray(from * size, (from + 1) * size), i * size);
  }
  return { ...images, data, count: indices.length };
}

function checkLength(name: string, length: number, shape: Record<string, number>): void {
  let expected = 1;
  for (const [axis, size] of Object.entries(shape)) {
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError(`${name}: ${axis} must be a whole number of at least 0, got ${describeValue(size)}.`);
    }
    expected *= size;
  }
  if (length !== expected) {
    const written = Object.entries(shape).map(([axis, size]) => `${axis} ${size}`);
    throw new ShapeError(`${name}: expected ${expected} values (${written.join(" × ")}), got ${length}.`);
  }
}

function checkIds(name: string, data: Int32Array, size: number): void {
  for (let i = 0; i < data.length; i++) {
    const id = data[i]!;
    if (id < 0 || id >= size) {
      throw new ShapeError(`${name}: ${id} at index ${i} is outside [0, ${size}).`);
    }
  }
}
