import type { StoredTensor } from "@mmgen/core";
import { quantizedWeight } from "./quantized-weights.js";

/** In what form a model's file may hold its weights: 4, 2 or about 1 byte a value. */
export const savedDtypes = ["float32", "float16", "q8"] as const;

/** A form of {@link savedDtypes}. Whatever it is, a loaded model computes in float32. */
export type SavedDtype = (typeof savedDtypes)[number];

/** What decides on a weight's form in a file. */
export interface SavedWeight {
  readonly role: "parameter" | "buffer" | "constant";
  readonly quantizable: boolean;
}

/** Values of a row from which 8 bits and the row's scale take clearly less than 16 bits. */
const minRow = 32;
/** Of half precision. */
const maxHalf = 65504;

/**
 * Gives weights the form in which a file holds them.
 *
 * - `float32`: as they are.
 * - `float16`: half precision (F16), which keeps 11 significant bits. Running statistics and counts stay float32, and so
 *   does a weight with a value beyond ±65504.
 * - `q8`: what a gradient learned with at least two axes and 32 values a row is written in 8 bits, with a scale for each
 *   row; see {@link quantizedWeight}. The rest, codebooks among it, is as in `float16`.
 *
 * @param stored - In the files' layout, by name; borrowed.
 * @param weights - What they are, by name.
 */
export function weightsOfDtype(
  stored: ReadonlyMap<string, StoredTensor>,
  weights: ReadonlyMap<string, SavedWeight>,
  dtype: SavedDtype,
): Map<string, StoredTensor> {
  return new Map(
    [...stored].flatMap(([name, tensor]): [string, StoredTensor][] => {
      const { quantizable, role } = weights.get(name)!;
      const axes = tensor.shape.length;
      if (dtype === "float32" || tensor.dtype !== "float32" || (role === "buffer" && axes < 2)) {
        return [[name, tensor]];
      }
      if (!tensor.data.every((value) => Math.abs(value) <= maxHalf)) {
        return [[name, tensor]];
      }
      if (dtype === "q8" && quantizable && role === "parameter" && axes > 1 && rowOf(tensor) >= minRow) {
        return quantizedWeight(name, tensor);
      }
      return [[name, { ...tensor, storedAs: "F16" }]];
    }),
  );
}

/** Values for each index of the first axis. */
function rowOf({ data, shape }: StoredTensor): number {
  return data.length / shape[0]!;
}
