import { type SafetensorsContent, type StoredTensor, writeSafetensors } from "@mmgen/core";
import { exportStateDict, importStateDict, type OwnWeights } from "../weights/state-dict.js";
import { safetensorsContent, storeTensor } from "../weights/stored-weights.js";
import type { WeightNames } from "../weights/weight-names.js";
import type { Parameter } from "./parameter.js";

type Parameters = ReadonlyMap<string, Parameter>;

/** Reads weights back, in the files' layout. */
export async function storeWeights(weights: Parameters): Promise<Map<string, StoredTensor>> {
  const stored = [...weights].map(
    async ([name, { variable, fileLayout }]) => [name, await storeTensor(name, variable, fileLayout)] as const,
  );
  return new Map(await Promise.all(stored));
}

/** Another program's weights by a module's names; what is not shared takes its `imported` value. */
export function importWeights(
  file: Uint8Array | ArrayBuffer | SafetensorsContent,
  weights: Parameters,
  tied: Readonly<Record<string, string>>,
  names: WeightNames,
): Map<string, StoredTensor> {
  const tensors = importStateDict(safetensorsContent(file), sharedWeights(weights, tied), names);
  for (const [name, { imported, fileShape, dtype, size }] of weights) {
    if (typeof imported === "number") {
      const data = (dtype === "int32" ? new Int32Array(size) : new Float32Array(size)).fill(imported);
      tensors.set(name, { dtype, shape: fileShape, data });
    } else if (imported !== undefined) {
      const source = [...weights].find(([, parameter]) => parameter === imported)![0];
      tensors.set(name, tensors.get(source)!);
    }
  }
  return tensors;
}

/** A module's weights as another program's file. */
export function exportWeights(
  stored: ReadonlyMap<string, StoredTensor>,
  weights: Parameters,
  tied: Readonly<Record<string, string>>,
  names: WeightNames,
): Uint8Array {
  const tensors = exportStateDict(stored, sharedWeights(weights, tied), names);
  return writeSafetensors({ tensors, metadata: { format: "pt" } });
}

/** What other programs have too. */
function sharedWeights(weights: Parameters, tied: Readonly<Record<string, string>>): OwnWeights {
  const shared = [...weights].filter(([, { imported }]) => imported === undefined);
  return { shapes: new Map(shared.map(([name, { fileShape }]) => [name, fileShape])), copies: tied };
}
