import { CheckpointError, type StoredTensor } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** Variables laid end to end in one vector: where each begins and ends, and the ways there and back. */
export class FlatLayout {
  /** Values of all variables together. */
  readonly size: number;
  readonly #entries: readonly { name: string; variable: tf.Variable; start: number; end: number }[];

  constructor(variables: Iterable<readonly [name: string, variable: tf.Variable]>) {
    let size = 0;
    this.#entries = [...variables].map(([name, variable]) => {
      const start = size;
      size += variable.size;
      return { name, variable, start, end: size };
    });
    this.size = size;
  }

  /** The variables' values, `[size]`; yours to dispose. */
  flatten(): tf.Tensor1D {
    return tf.tidy(() => tf.concat1d(this.#entries.map(({ variable }) => tf.reshape(variable, [variable.size]))));
  }

  /** Sets each variable to its part of `flat`, `[size]`. */
  assign(flat: tf.Tensor1D): void {
    tf.tidy(() => {
      const sizes = this.#entries.map(({ variable }) => variable.size);
      const parts = sizes.length === 1 ? [flat] : tf.split(flat, sizes);
      for (const [i, { variable }] of this.#entries.entries()) {
        variable.assign(tf.reshape(parts[i]!, variable.shape));
      }
    });
  }

  /** The parts of a vector by `<prefix>.<variable>`, each shaped as its variable; copies. */
  split(prefix: string, flat: Float32Array): [string, StoredTensor][] {
    return this.#entries.map(({ name, variable, start, end }) => [
      `${prefix}.${name}`,
      { dtype: "float32", shape: variable.shape, data: flat.slice(start, end) },
    ]);
  }

  /**
   * The inverse of {@link FlatLayout.split}.
   *
   * @throws a {@link CheckpointError} when a part is missing or shaped otherwise.
   */
  join(prefix: string, arrays: ReadonlyMap<string, StoredTensor>): Float32Array {
    const flat = new Float32Array(this.size);
    for (const { name, variable, start } of this.#entries) {
      const stored = arrays.get(`${prefix}.${name}`);
      if (stored?.dtype !== "float32" || !tf.util.arraysEqual([...stored.shape], variable.shape)) {
        const came = stored === undefined ? "none" : `${stored.dtype} [${stored.shape.join(", ")}]`;
        throw new CheckpointError(
          `${prefix}.${name}: expected float32 [${variable.shape.join(", ")}], got ${came}. The checkpoint belongs to another model.`,
        );
      }
      flat.set(stored.data, start);
    }
    return flat;
  }
}
