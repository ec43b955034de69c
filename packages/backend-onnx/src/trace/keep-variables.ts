import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import { elementTypeOf } from "../runtime/element-type.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";

/** Every variable of a type that graphs hold. */
export function recordableVariables(): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables).filter(
    (variable) => !variable.isDisposed && elementTypeOf(variable.dtype) !== undefined,
  );
}

/**
 * Runs `record`, which may assign variables, and gives every variable its value back.
 *
 * @returns The variables that `record` assigned.
 */
export function keepVariables(
  backend: RecordingBackend,
  variables: readonly tf.Variable[],
  record: () => void,
): tf.Variable[] {
  const before = new Map<tf.Variable, LazyValue>();
  for (const variable of variables) {
    const value = backend.heldValue(variable);
    backend.hold(value);
    before.set(variable, value);
  }
  let assigned: tf.Variable[] = [];
  try {
    record();
  } finally {
    assigned = variables.filter(
      (variable) => !variable.isDisposed && backend.heldValue(variable) !== before.get(variable),
    );
    for (const variable of assigned) {
      tf.tidy(() => variable.assign(tf.reshape(backend.tensor(before.get(variable)!), variable.shape)));
    }
    for (const value of before.values()) {
      backend.release(value);
    }
  }
  return assigned;
}
