import type { StoredTensor } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { assignStored, storeVariables } from "./stored-variables.js";

/**
 * The buffers of a model whose weights are averaged: running statistics and EMA codebooks, which are of some weights and no
 * others. Counters (int32) are the same for both, and not kept here.
 */
export class AveragedBuffers {
  readonly #buffers: ReadonlyMap<string, tf.Variable>;
  /** By the buffers' names in a checkpoint, `average.<buffer>`. */
  readonly #averaged: ReadonlyMap<string, tf.Variable>;

  /** Starts from the buffers' present values; the model is borrowed. */
  constructor({ buffers }: TensorTrainable<never>) {
    this.#buffers = new Map([...buffers].filter(([, { dtype }]) => dtype === "float32"));
    this.#averaged = new Map([...this.#buffers].map(([name, value]) => [keyOf(name), copyOf(value)]));
  }

  /** Gives the model these buffers. */
  apply(): void {
    for (const [name, variable] of this.#buffers) {
      tf.tidy(() => variable.assign(tf.clone(this.#averaged.get(keyOf(name))!)));
    }
  }

  /** Takes the model's buffers as they are now. */
  capture(): void {
    for (const [name, variable] of this.#buffers) {
      tf.tidy(() => this.#averaged.get(keyOf(name))!.assign(tf.clone(variable)));
    }
  }

  /** The buffers by `average.<buffer>`. Reads. */
  toArrays(): Promise<Map<string, StoredTensor>> {
    return storeVariables(this.#averaged);
  }

  /**
   * Takes the buffers from a training state's tensors: from the model's own where there are no others, as before the first
   * release.
   *
   * @throws a `CheckpointError` when one is missing or of another shape; nothing is changed then.
   */
  restore(tensors: ReadonlyMap<string, StoredTensor>): void {
    const found = [...this.#buffers.keys()].map((name) => {
      return [keyOf(name), tensors.get(keyOf(name)) ?? tensors.get(`state.${name}`)] as const;
    });
    const present = found.filter((entry): entry is readonly [string, StoredTensor] => entry[1] !== undefined);
    assignStored(this.#averaged, new Map(present));
  }

  /** Safe to call twice. */
  dispose(): void {
    tf.dispose([...this.#averaged.values()]);
  }
}

const copyOf = (value: tf.Variable) => tf.tidy(() => tf.variable(tf.clone(value as tf.Tensor), false));
const keyOf = (name: string) => `average.${name}`;
