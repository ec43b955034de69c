import type { StoredTensor } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { assignStored, checkStored, modelVariables, storeVariables } from "./stored-variables.js";

const prefix = "best.";

/** A copy of a model's parameters and buffers at its best evaluation. */
export class BestWeights {
  #stored: ReadonlyMap<string, StoredTensor> | undefined;

  /** Copies the model as it is now. Reads. */
  async capture(model: TensorTrainable<never>): Promise<void> {
    this.#stored = await storeVariables(modelVariables(model));
  }

  /** Sets the model to the copy, if there is one. */
  apply(model: TensorTrainable<never>): void {
    if (this.#stored !== undefined) {
      assignStored(modelVariables(model), this.#stored);
    }
  }

  /** The copy by `best.<name>`; empty when there is none. */
  toArrays(): [string, StoredTensor][] {
    return [...(this.#stored ?? [])].map(([name, tensor]) => [`${prefix}${name}`, tensor]);
  }

  /**
   * Takes the copy from a training state's tensors; without any there, there is no copy.
   *
   * @throws a `CheckpointError` when it is of another model; nothing is changed then.
   */
  restore(arrays: ReadonlyMap<string, StoredTensor>, model: TensorTrainable<never>): void {
    const found = [...arrays].filter(([name]) => name.startsWith(prefix));
    if (found.length > 0) {
      checkStored(new Map([...modelVariables(model)].map(([name, value]) => [`${prefix}${name}`, value])), arrays);
    }
    this.#stored =
      found.length > 0 ? new Map(found.map(([name, tensor]) => [name.slice(prefix.length), tensor])) : undefined;
  }
}
