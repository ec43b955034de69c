import type * as tf from "@tensorflow/tfjs-core";
import type { GraphInputs } from "./transformer-graph.js";

/** {@link GraphInputs} as a flat list, which a compiled function can be fed, and back. */
export interface FedInputs {
  /** Borrowed. */
  readonly tensors: readonly tf.Tensor[];
  /** The inputs made of a list like {@link FedInputs.tensors}; what comes after is not read. */
  restore(tensors: readonly tf.Tensor[]): GraphInputs;
}

/** Lists the inputs of a causal model, whose mask is there. */
export function fedInputs({ weights, tables, mask }: GraphInputs): FedInputs {
  const names = [...weights.keys()];
  const tableNames = Object.keys(tables);
  return {
    tensors: [...weights.values(), ...(Object.values(tables) as tf.Tensor[]), mask!],
    restore: (tensors) => ({
      weights: new Map(names.map((name, i) => [name, tensors[i]!])),
      tables: Object.fromEntries(tableNames.map((name, i) => [name, tensors[names.length + i]!])),
      mask: tensors[names.length + tableNames.length]!,
    }),
  };
}
