import { CheckpointError, type StoredTensor } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import type * as tf from "@tensorflow/tfjs-core";

/** All that a model has learned, by name in a training state: weights as `model.*`, what no gradient moves as `state.*`. */
export function modelVariables(model: TensorTrainable<never>): Map<string, tf.Variable> {
  return new Map([
    ...[...model.parameters].map(([name, variable]) => [`model.${name}`, variable] as const),
    ...[...model.buffers].map(([name, variable]) => [`state.${name}`, variable] as const),
  ]);
}

/**
 * Copies variables out. Reads.
 *
 * @throws a {@link CheckpointError} when a variable is neither float32 nor int32.
 */
export async function storeVariables(variables: ReadonlyMap<string, tf.Variable>): Promise<Map<string, StoredTensor>> {
  const stored = new Map<string, StoredTensor>();
  for (const [name, variable] of variables) {
    const { dtype, shape } = variable;
    if (dtype !== "float32" && dtype !== "int32") {
      throw new CheckpointError(`${name}: a training state holds float32 and int32 variables, got ${dtype}.`);
    }
    // A copy: a backend may hand out the array it works with.
    stored.set(name, { dtype, shape, data: (await variable.data()).slice() as Float32Array | Int32Array });
  }
  return stored;
}
