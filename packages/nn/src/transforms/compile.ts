import * as tf from "@tensorflow/tfjs-core";

/** A function of tensors to tensors, as {@link compile} takes it. */
export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor[];

/**
 * Function transforms that a backend may offer beyond kernels. `compile` and `scan` of this package ask `tf.backend()` for methods of these
 * names; a backend without them runs the plain calls.
 */
export interface FunctionTransforms {
  /** Returns a function that traces `fn` once per input signature (shapes and dtypes) and then replays. */
  compile?(fn: TensorFunction): TensorFunction;
  /** Runs a loop whose body is traced once; contract as {@link scan}. */
  scan?(
    body: (carry: tf.Tensor[], inputs: tf.Tensor[]) => { carry: tf.Tensor[]; outputs: tf.Tensor[] },
    carry: readonly tf.Tensor[],
    inputs: readonly tf.Tensor[],
  ): { carry: tf.Tensor[]; outputs: tf.Tensor[] };
}

/**
 * Compiles a function of tensors: a backend that supports it traces the function once per input signature and replays the
 * trace; on every other backend the function is simply called.
 *
 * `fn` must depend on nothing but its inputs (weights included: pass them), read no values, and change no variable.
 * Which backend runs is decided at each call.
 *
 * @returns A function that borrows its inputs and whose outputs are yours to dispose.
 */
export function compile(fn: TensorFunction): TensorFunction {
  const compiled = new WeakMap<object, TensorFunction>();
  return (...inputs) => {
    const backend = tf.backend() as tf.KernelBackend & FunctionTransforms;
    if (typeof backend.compile !== "function") {
      return tf.tidy(() => fn(...inputs));
    }
    let run = compiled.get(backend);
    if (!run) {
      run = backend.compile(fn);
      compiled.set(backend, run);
    }
    return run(...inputs);
  };
}
