import * as tf from "@tensorflow/tfjs-core";

/** What can go back to as it was. */
export interface Held {
  restore(): void;
  /** Ends the keeping; safe after `restore`. */
  dispose(): void;
}

/** The values that variables have at one moment, without a copy: no operation changes elements in place. */
export class HeldValues implements Held {
  readonly #held: readonly (readonly [tf.Variable, tf.Tensor])[];

  /** @param variables - Borrowed. */
  constructor(variables: readonly tf.Variable[]) {
    this.#held = variables.map((variable) => [variable, tf.keep(tf.clone(variable))]);
  }

  /** Sets every variable to the value it had. */
  restore(): void {
    for (const [variable, value] of this.#held) {
      variable.assign(value);
    }
  }

  dispose(): void {
    tf.dispose(this.#held.map(([, value]) => value));
  }
}
