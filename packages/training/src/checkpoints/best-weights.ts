import { CheckpointError, type StoredTensor } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { assignSafetensors } from "@mmgen/nn";
import { modelVariables, storeVariables } from "./model-variables.js";

/** A copy of a model's weights and other state as they were at its best evaluation. */
export class BestWeights {
  #stored: ReadonlyMap<string, StoredTensor> | undefined;

  /** Copies the model as it is now. Reads. */
  async capture(model: TensorTrainable<never>): Promise<void> {
    this.#stored = await storeVariables(modelVariables(model));
  }

  /** Sets the model to the copy, if there is one. */
  apply(model: TensorTrainable<never>): void {
    if (this.#stored !== undefined) {
      assignSafetensors(modelVariables(model), { tensors: this.#stored, metadata: {} });
    }
  }

  /** The copy by `best.<name>`; empty when there is none. */
  toArrays(): [string, StoredTensor][] {
    return [...(this.#stored ?? [])].map(([name, tensor]) => [`best.${name}`, tensor]);
  }

  /**
   * Takes the copy over from a file.
   *
   * @throws a {@link CheckpointError} when it is of another model; nothing is changed then.
   */
  restore(arrays: ReadonlyMap<string, StoredTensor>, model: TensorTrainable<never>): void {
    const stored = new Map(
      [...arrays].filter(([name]) => name.startsWith("best.")).map(([name, tensor]) => [name.slice(5), tensor]),
    );
    for (const [name, { shape, dtype }] of stored.size > 0 ? modelVariables(model) : []) {
      const found = stored.get(name);
      if (found?.dtype !== dtype || `${found.shape}` !== `${shape}`) {
        const came = found === undefined ? "none" : `${found.dtype} [${found.shape.join(", ")}]`;
        throw new CheckpointError(`best.${name}: expected ${dtype} [${shape.join(", ")}], got ${came}.`);
      }
    }
    this.#stored = stored.size > 0 ? stored : undefined;
  }
}
