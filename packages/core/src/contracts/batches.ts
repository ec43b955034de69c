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

/**
 * Throws {@link ShapeError} unless this is a batch of images: a Uint8Array of the length that its shape asks for, with
 * levels within `maxValue`.
 */
export function checkImageBatch(images: ImageBatch, name = "images"): void {
  const data = checkForm(name, images, imageForm);
  const { maxValue } = images;
  if (!Number.isInteger(maxValue) || maxValue < 1 || maxValue > 255) {
    throw new ShapeError(`${name}: maxValue must be a whole number from 1 to 255, got ${describeValue(maxValue)}.`);
  }
  if (maxValue === 255) {
    // No byte is above it.
    return;
  }
  for (let i = 0; i < data.length; i++) {
    if (data[i]! > maxValue) {
      throw new ShapeError(
        `${name}: level ${data[i]} at index ${i} is above maxValue ${maxValue}. Set maxValue to the data's maximum level.`,
      );
    }
  }
}

/**
 * Throws {@link ShapeError} unless this is a batch of codes: an Int32Array of the length that its shape asks for, with
 * codes in the codebook; without a `codebookSize` the codes themselves are not looked at.
 */
export function checkCodeBatch(codes: CodeBatch, codebookSize?: number, name = "codes"): void {
  const data = checkForm(name, codes, codeForm);
  if (codebookSize !== undefined) {
    checkIds(name, data, codebookSize);
  }
}

/**
 * Throws {@link ShapeError} unless this is a batch of ids: an Int32Array of the length that its shape asks for, with ids
 * in the vocabulary; without a `vocabularySize` the ids themselves are not looked at.
 */
export function checkTokenBatch(ids: TokenBatch, vocabularySize?: number, name = "ids"): void {
  const data = checkForm(name, ids, tokenForm);
  if (vocabularySize !== undefined) {
    checkIds(name, data, vocabularySize);
  }
}

/** What a batch is made of. */
export interface BatchForm {
  readonly array: "Uint8Array" | "Int32Array";
  readonly axes: readonly string[];
  /** How an array of another type becomes one of this. */
  readonly remedy: string;
}

const ids = {
  array: "Int32Array",
  remedy: "Convert an array of whole numbers by Int32Array.from(data).",
} as const;
export const codeForm: BatchForm = { ...ids, axes: ["count", "height", "width"] };
const tokenForm: BatchForm = { ...ids, axes: ["count", "length"] };
export const imageForm: BatchForm = {
  array: "Uint8Array",
  axes: ["count", "height", "width", "channels"],
  remedy:
    "Convert levels from 0 to 1 by Uint8Array.from(data, (x) => Math.round(x * maxValue)), whole levels by Uint8Array.from(data).",
};

/** The batch's array, once it has the form that is asked for. */
export function checkForm<Batch extends { readonly data: Uint8Array | Int32Array }>(
  name: string,
  batch: Batch,
  { array, axes, remedy }: BatchForm,
): Batch["data"] {
  let found: unknown;
  let tag = "";
  let sizes: unknown[] = [];
  try {
    found = batch.data;
    // By its name, as an array may come from another realm.
    tag = Object.prototype.toString.call(found);
    sizes = axes.map((axis) => (batch as unknown as Record<string, unknown>)[axis]);
  } catch {
    // Nothing, or a getter or proxy that throws: told below.
  }
  if (sizes.length === 0 || found === undefined) {
    const fields = [`data: ${array}`, ...axes].join(", ");
    throw new ShapeError(`${name}: expected { ${fields} }, got ${describeValue(batch)}.`);
  }
  if (tag !== `[object ${array}]`) {
    throw new ShapeError(
      `${name}: data must be ${array === "Uint8Array" ? "a" : "an"} ${array}, got ${describeValue(found)}. ${remedy}`,
    );
  }
  const data = found as Batch["data"];
  let expected = 1;
  for (const [i, size] of sizes.entries()) {
    if (!Number.isSafeInteger(size) || (size as number) < 0) {
      throw new ShapeError(`${name}: ${axes[i]} must be a whole number of at least 0, got ${describeValue(size)}.`);
    }
    expected *= size as number;
  }
  if (data.length !== expected) {
    const written = axes.map((axis, i) => `${axis} ${sizes[i]}`);
    throw new ShapeError(`${name}: expected ${expected} values (${written.join(" × ")}), got ${data.length}.`);
  }
  return data;
}

function checkIds(name: string, data: ArrayLike<number>, size: number): void {
  for (let i = 0; i < data.length; i++) {
    const id = data[i]!;
    if (id < 0 || id >= size) {
      throw new ShapeError(`${name}: ${id} at index ${i} is outside [0, ${size}).`);
    }
  }
}
