import * as tf from "@tensorflow/tfjs-core";

/** A function of tensors to tensors, as {@link compile} takes it. */
export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor[];

/**
 * What a backend may offer beyond kernels. `compile`, `scan` and `uploadOwned` of this package ask `tf.backend()` for methods
 * of these names; a backend without them runs the plain calls.
 */
export interface FunctionTransforms {
  /** Returns a function that traces `fn` once per input signature (shapes and dtypes) and then replays. */
  compile?(fn: TensorFunction, options?: CompileOptions): TensorFunction;
  /** Runs a loop whose body is traced once; contract as {@link scan}. */
  scan?(
    body: (carry: tf.Tensor[], inputs: tf.Tensor[]) => { carry: tf.Tensor[]; outputs: tf.Tensor[] },
    carry: readonly tf.Tensor[],
    inputs: readonly tf.Tensor[],
  ): { carry: tf.Tensor[]; outputs: tf.Tensor[] };
  /** Whether `scan` runs a loop, rather than recording every step. Default: true. */
  readonly runsLoops?: boolean;
  /** Whether compiled functions have read their inputs when they return, so that arrays of those can be written again. */
  readonly computesAtOnce?: boolean;
  /** Whether compiled functions read arrays of memory that threads share. Default: false. */
  readonly readsSharedMemory?: boolean;
  /**
   * Whether what compiled functions are fed with travels to a device. They had better draw masks and noise there by the
   * kernels `MmgenCounterMask` and `MmgenGumbelNoise`, and unpack bytes by `MmgenUnpackBytes`. Default: false.
   */
  readonly feedsTravel?: boolean;
  /** Whether tensors of equal shape had better be computed as one, joined, than each by itself. Default: false. */
  readonly groupsEqualShapes?: boolean;
  /** Stores an array without copying it. */
  writeOwned?(
    values: Float32Array | Int32Array | Uint8Array,
    shape: readonly number[],
    dtype: "float32" | "int32" | "bool",
  ): tf.TensorInfo;
}

/** Whether the active backend compiles what {@link compile} is given, rather than calling it. */
export function compilesFunctions(): boolean {
  return typeof (tf.backend() as tf.KernelBackend & FunctionTransforms).compile === "function";
}

/** Whether what the active backend compiles has read its inputs when it returns; see {@link compilesFunctions}. */
export function computesAtOnce(): boolean {
  return (tf.backend() as tf.KernelBackend & FunctionTransforms).computesAtOnce === true;
}

/** Whether what the active backend compiles reads arrays of memory that threads share. */
export function readsSharedMemory(): boolean {
  return (tf.backend() as tf.KernelBackend & FunctionTransforms).readsSharedMemory === true;
}

/**
 * Whether the active backend had better compute tensors of equal shape as one, joined, than each by itself, as CUDA does,
 * where starting an operation takes longer than most operations, and joining equal parts is fast.
 */
export function groupsEqualShapes(): boolean {
  return (tf.backend() as tf.KernelBackend & FunctionTransforms).groupsEqualShapes === true;
}

/**
 * Whether what functions that the active backend compiles are fed with travels to a device: they had better draw masks and
 * noise, see {@link drawnMask}, and unpack bytes, see {@link unpackBytes}, than take them from the host.
 */
export function feedsTravel(): boolean {
  return (tf.backend() as tf.KernelBackend & FunctionTransforms).feedsTravel === true;
}

/** Options of {@link compile}. */
export interface CompileOptions {
  /**
   * Tensors that `fn` takes after its inputs and that seldom change, such as the weights of a model that is not being
   * trained; borrowed, asked for at every call. A backend may build them into what it compiles, which makes
   * convolutions and products faster, and builds it anew when they have changed. Default: none.
   */
  readonly constants?: () => readonly tf.Tensor[];
}

/**
 * Compiles a function of tensors: a backend that supports it traces the function once per input signature and replays the
 * trace; on every other backend the function is simply called.
 *
 * `fn` must depend on nothing but its inputs and constants (weights included: pass them), read no values, and change no
 * variable. Which backend runs is decided at each call.
 *
 * @returns A function that borrows its inputs and whose outputs are yours to dispose.
 */
export function compile(fn: TensorFunction, options: CompileOptions = {}): TensorFunction {
  const compiled = new WeakMap<object, TensorFunction>();
  return (...inputs) => {
    const backend = tf.backend() as tf.KernelBackend & FunctionTransforms;
    if (typeof backend.compile !== "function") {
      return tf.tidy(() => fn(...inputs, ...(options.constants?.() ?? [])));
    }
    let run = compiled.get(backend);
    if (!run) {
      run = backend.compile(fn, options);
      compiled.set(backend, run);
    }
    return run(...inputs);
  };
}
