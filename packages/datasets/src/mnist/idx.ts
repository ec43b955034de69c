import { DataError, fileBytes } from "@mmgen/core";
import type { LabeledImages } from "../captions/labeled-images.js";

/** The content of one IDX file of unsigned bytes. */
export interface IdxArray {
  /** Sizes of the axes, `[count]` or `[count, height, width]`. */
  readonly shape: readonly number[];
  /** Row-major; a view of the file's bytes. */
  readonly data: Uint8Array;
}

/** What the first bytes of an IDX file say. */
export interface IdxHeader {
  readonly shape: readonly number[];
  /** Bytes of the header itself. */
  readonly headerLength: number;
  /** Bytes of the whole file. */
  readonly fileLength: number;
}

/** Bytes of the longest header. */
export const idxHeaderLength = 16;

/** Above every published relative of MNIST, and far below what a hostile header may claim. */
const maxAxis = 10_000_000;

/**
 * Reads an IDX file of unsigned bytes: labels (magic 0x801, one axis) or images (magic 0x803, three axes).
 *
 * The header must account for every byte of the file, no more and no fewer.
 *
 * @param bytes - The whole file, uncompressed; borrowed, and the result is a view of it.
 * @param name - What messages call the file.
 * @throws a {@link DataError} when the file is truncated, has bytes left over, or is of another format.
 * @see http://yann.lecun.com/exdb/mnist/
 */
export function parseIdx(bytes: Uint8Array, name = "IDX file"): IdxArray {
  const content = fileBytes(bytes, name);
  const { shape, headerLength, fileLength } = parseIdxHeader(content, content.length, name);
  // A plain Uint8Array also for a Buffer, whose `slice` would not copy.
  return {
    shape,
    data: new Uint8Array(content.buffer, content.byteOffset + headerLength, fileLength - headerLength),
  };
}

/**
 * Reads the header of an IDX file of unsigned bytes, and compares it with the file's size before there is room for more.
 *
 * @param head - The file's beginning: {@link idxHeaderLength} bytes, fewer where the file has fewer.
 * @param size - Bytes of the whole file; undefined where that is not known, as of a compressed one.
 * @throws a {@link DataError} as `parseIdx`.
 */
export function parseIdxHeader(head: Uint8Array, size: number | undefined, name: string): IdxHeader {
  const available = size ?? head.length;
  if (head.length < 4) {
    throw new DataError(`${name}: expected an IDX header of at least 8 bytes, got ${available} bytes in all.`);
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  if (magic >>> 16 === 0x1f8b) {
    throw new DataError(`${name}: this is gzip. Decompress it first; the loaders of @mmgen/datasets/node do.`);
  }
  if (magic !== 0x801 && magic !== 0x803) {
    const written = `0x${magic.toString(16).padStart(8, "0")}`;
    throw new DataError(`${name}: expected magic 0x00000801 (labels) or 0x00000803 (images), got ${written}.`);
  }
  const axes = magic & 0xff;
  const headerLength = 4 + 4 * axes;
  if (head.length < headerLength) {
    throw new DataError(`${name}: expected a header of ${headerLength} bytes, got ${available} bytes in all.`);
  }
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  if (shape.some((side) => side > maxAxis)) {
    throw new DataError(`${name}: the header claims ${shape.join(" × ")} values; it is damaged or hostile.`);
  }
  const values = shape.reduce((product, side) => product * side, 1);
  const found = size === undefined ? values : size - headerLength;
  if (found !== values) {
    const hint = found < values ? "The file is truncated" : "The file has bytes left over";
    throw new DataError(
      `${name}: the header claims ${shape.join(" × ")} = ${values} bytes, got ${found}. ${hint}; fetch it again.`,
    );
  }
  return { shape, headerLength, fileLength: headerLength + values };
}

/**
 * Pairs images and labels of MNIST or of a drop-in relative (Fashion-MNIST, KMNIST).
 *
 * @param images - `[count, height, width]`, 0..255; borrowed, and the result is a view of it.
 * @param labels - `[count]`, 0..9; borrowed, and the result is a view of it.
 * @param name - What messages call the pair.
 * @throws a {@link DataError} when the arrays are not images and labels of ten classes, one label an image.
 */
export function joinIdx(images: IdxArray, labels: IdxArray, name = "IDX pair"): LabeledImages {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new DataError(
      `${name}: expected images of 3 axes and labels of 1 axis, got ${images.shape.length} and ${labels.shape.length}. ` +
        "Are the two files swapped?",
    );
  }
  if (labels.shape[0] !== count) {
    throw new DataError(`${name}: ${count} images and ${labels.shape[0]} labels; the files belong to different sets.`);
  }
  for (let i = 0; i < labels.data.length; i++) {
    if (labels.data[i]! > 9) {
      throw new DataError(`${name}: label ${labels.data[i]} at index ${i}; expected classes 0 to 9.`);
    }
  }
  return {
    images: { data: images.data, count: count!, height: height!, width: width!, channels: 1, maxValue: 255 },
    labels: labels.data,
  };
}
