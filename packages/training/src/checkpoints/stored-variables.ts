import { CheckpointError, type StoredTensor } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";

/** What holds variables: a model, with its adversary where it has one. */
export type ModelVariables = Pick<TensorTrainable<never>, "parameters" | "buffers" | "adversary">;

/**
 * All variables of a model by their names in a training state: parameters as `model.*`, buffers as `state.*`, and an
 * adversary's as `adversary.model.*` and `adversary.state.*`.
 */
export function modelVariables({ parameters, buffers, adversary }: ModelVariables): Map<string, tf.Variable> {
  return new Map([
    ...[...parameters].map(([name, variable]) => [`model.${name}`, variable] as const),
    ...[...buffers].map(([name, variable]) => [`state.${name}`, variable] as const),
    ...[...(adversary ? modelVariables(adversary) : [])].map(
      ([name, variable]) => [`adversary.${name}`, variable] as const,
    ),
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

/**
 * Sets variables to stored tensors of the same names; other tensors are ignored.
 *
 * @throws a {@link CheckpointError} as {@link checkStored}; nothing is changed then.
 */
export function assignStored(
  variables: ReadonlyMap<string, tf.Variable>,
  stored: ReadonlyMap<string, StoredTensor>,
): void {
  checkStored(variables, stored);
  for (const [name, variable] of variables) {
    const { data, shape, dtype } = stored.get(name)!;
    tf.tidy(() => variable.assign(tf.tensor(data, [...shape], dtype as "float32" | "int32")));
  }
}

/** @throws a {@link CheckpointError} when a variable's tensor is missing or has another shape or dtype. */
export function checkStored(
  variables: ReadonlyMap<string, tf.Variable>,
  stored: ReadonlyMap<string, StoredTensor>,
): void {
  const describe = ({ dtype, shape }: Pick<StoredTensor, "dtype" | "shape">) => `${dtype} [${shape.join(", ")}]`;
  for (const [name, variable] of variables) {
    const found = stored.get(name);
    const expected = describe({ dtype: variable.dtype as StoredTensor["dtype"], shape: variable.shape });
    if (found === undefined || describe(found) !== expected) {
      throw new CheckpointError(
        `${name}: expected ${expected}, got ${found === undefined ? "no such tensor" : describe(found)}. ` +
          "The checkpoint belongs to another model.",
      );
    }
  }
}
