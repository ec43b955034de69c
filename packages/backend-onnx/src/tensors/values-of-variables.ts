import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import type { TensorStore } from "./tensor-store.js";

/** What the variables hold whose data ids are in a store. */
export function valuesOfVariables(store: TensorStore): Set<LazyValue> {
  const values = new Set<LazyValue>();
  for (const { dataId, isDisposed } of Object.values(tf.engine().registeredVariables)) {
    // Asked for one of another backend's, the store would move it here.
    const value = isDisposed || !store.has(dataId) ? undefined : store.entry(dataId).value;
    if (value !== undefined) {
      values.add(value);
    }
  }
  return values;
}
