import {
  CheckpointError,
  isFileBytes,
  quote,
  readSafetensors,
  type SafetensorsContent,
  type StoredTensor,
  writeSafetensors,
} from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { dequantizedWeights } from "./quantized-weights.js";

/**
 * How a weight lies in memory against how it lies in a file, by name: `transposed = weight.transpose(permutation)` is
 * what the file holds. Names left out lie the same way in both.
 */
export type FileLayouts = ReadonlyMap<string, readonly number[]>;

/**
 * TensorFlow.js's convolution filter to PyTorch's: `[height, width, in, out]` → `[out, in, height, width]`, and for a
 * transposed convolution `[height, width, out, in]` → `[in, out, height, width]`.
 */
export const convolutionFileLayout: readonly number[] = [3, 2, 0, 1];

/**
 * Writes named tensors as one safetensors file.
 *
 * @param weights - float32 or int32 tensors by name; borrowed, read back from the backend.
 * @param options - `metadata`: strings to lay beside them; `layouts`: weights that the file holds transposed.
 */
export async function weightsToSafetensors(
  weights: ReadonlyMap<string, tf.Tensor>,
  options: { readonly metadata?: Readonly<Record<string, string>>; readonly layouts?: FileLayouts } = {},
): Promise<Uint8Array> {
  const { metadata = {}, layouts } = options;
  const stored = await Promise.all(
    [...weights].map(async ([name, tensor]) => [name, await storeTensor(name, tensor, layouts?.get(name))] as const),
  );
  return writeSafetensors({ tensors: new Map(stored), metadata });
}

/**
 * Sets variables to the tensors of a safetensors file, all of them or, when one does not fit, none.
 *
 * @param variables - Variables by name; assigned.
 * @param file - The file's bytes, or its content already read.
 * @param options - `layouts`: weights that the file holds transposed, as they were written.
 * @throws a {@link CheckpointError} when a name is missing or unknown, or a shape or dtype differs.
 */
export function assignSafetensors(
  variables: ReadonlyMap<string, tf.Variable>,
  file: Uint8Array | ArrayBuffer | SafetensorsContent,
  options: { readonly layouts?: FileLayouts } = {},
): void {
  const { tensors } = safetensorsContent(file);
  const declared = new Map<string, DeclaredWeight>();
  for (const [name, { shape, dtype }] of variables) {
    const permutation = options.layouts?.get(name);
    declared.set(name, { dtype, fileShape: permutation ? permutation.map((axis) => shape[axis]!) : shape });
  }
  checkStoredWeights(declared, tensors);
  for (const [name, variable] of variables) {
    tf.tidy(() => variable.assign(readStoredTensor(tensors.get(name)!, options.layouts?.get(name))));
  }
}

/**
 * A file's content, or what its bytes hold, its 8-bit weights as float32; both may be of another realm, such as a worker's.
 *
 * @throws a {@link CheckpointError} when the bytes are damaged, or the scales of an 8-bit weight are not right; a
 *   `ConfigError` when it is neither.
 */
export function safetensorsContent(file: Uint8Array | ArrayBuffer | SafetensorsContent): SafetensorsContent {
  const isContent =
    !isFileBytes(file) && typeof (file as Partial<SafetensorsContent> | null)?.tensors?.get === "function";
  const { metadata, tensors } = isContent ? (file as SafetensorsContent) : readSafetensors(file as Uint8Array);
  return { metadata, tensors: dequantizedWeights(tensors) };
}

/** What a file has to hold of a weight. */
export interface DeclaredWeight {
  readonly dtype: string;
  readonly fileShape: readonly number[];
}

/**
 * Compares a file's arrays with what a model declares; nothing is allocated.
 *
 * @throws a {@link CheckpointError} when a name is missing or unknown, or a shape or dtype differs.
 */
export function checkStoredWeights(
  declared: ReadonlyMap<string, DeclaredWeight>,
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  checkNames(declared, tensors);
  for (const [name, { dtype, fileShape }] of declared) {
    const stored = tensors.get(name)!;
    if (stored.dtype !== dtype || `${stored.shape}` !== `${fileShape}`) {
      throw new CheckpointError(
        `${name}: expected ${dtype} [${fileShape.join(", ")}], the checkpoint has ${stored.dtype} ` +
          `[${stored.shape.join(", ")}]. Load it with the configuration that it was saved with.`,
      );
    }
  }
}

/** A stored array in memory's layout; yours, or the surrounding `tf.tidy`'s. */
export function readStoredTensor({ data, shape, dtype }: StoredTensor, fileLayout?: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const inFile = tf.tensor(data, [...shape], dtype as "float32" | "int32");
    return fileLayout ? tf.transpose(inFile, inverse(fileLayout)) : inFile;
  });
}

/**
 * Reads a weight back from the backend, in the file's layout.
 *
 * @throws a {@link CheckpointError} when it is neither float32 nor int32.
 */
export async function storeTensor(
  name: string,
  tensor: tf.Tensor,
  fileLayout?: readonly number[],
): Promise<StoredTensor> {
  const { dtype } = tensor;
  if (dtype !== "float32" && dtype !== "int32") {
    throw new CheckpointError(`${name}: weights are written as float32 or int32, got ${dtype}.`);
  }
  const inFile = fileLayout ? tf.transpose(tensor, [...fileLayout]) : tensor;
  try {
    return { dtype, shape: inFile.shape, data: (await inFile.data()) as Float32Array | Int32Array };
  } finally {
    if (fileLayout) {
      inFile.dispose();
    }
  }
}

function checkNames(expected: ReadonlyMap<string, unknown>, found: ReadonlyMap<string, unknown>): void {
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unknown = [...found.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new CheckpointError(
      `The checkpoint belongs to another model: missing weights: ${listNames(missing)}; unknown weights: ${listNames(unknown)}.`,
    );
  }
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(shownName);
  return names.length === 0 ? "none" : `${shown.join(", ")}${names.length > 3 ? `, … (${names.length})` : ""}`;
}

/** A weight's name as it is, or quoted where it is none that a program would give. */
export function shownName(name: string): string {
  return /^[\w.$-]{1,100}$/.test(name) ? name : quote(name);
}

function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, axis) => permutation.indexOf(axis));
}
