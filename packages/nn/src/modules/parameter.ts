import { MmgenError, type Random, ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { spend } from "./build-budget.js";

/** Makes a tensor's first values in the shape given; the caller's to dispose. */
export type Initializer = (shape: readonly number[], random: Random) => tf.Tensor;

/** What fixes a {@link Parameter} before it has a value. */
export interface ParameterOptions {
  readonly shape: readonly number[];
  /** `float32` when absent. */
  readonly dtype?: ParameterType;
  /** Its first values; an initializer that draws nothing ignores `random`. */
  readonly initial: Initializer;
  /**
   * `parameter` (default): learned by gradients. `buffer`: kept in files and changed otherwise, as running statistics
   * are. `constant`: computed anew for each model, in no file; a mask or a table of positions.
   */
  readonly role?: ParameterRole;
  /**
   * Order of its axes in a file, where that differs from memory: `transpose(value, fileLayout)` is what the file holds;
   * see `convolutionFileLayout`. Default: that of memory.
   */
  readonly fileLayout?: readonly number[];
  /**
   * Whose stream the first value is drawn from where not its own: another parameter's, so that both start equal, or a
   * stream by name, so that a renamed parameter keeps its first values. Default: its own.
   */
  readonly drawnAs?: Parameter | string;
  /**
   * For what other programs' files do not hold: its value beside their weights, a number throughout or another
   * parameter's value. See `Module.importStateDict`. Default: none.
   */
  readonly imported?: number | Parameter;
  /**
   * Whether a file of dtype `q8` may hold it in 8 bits a value; false for what is compared value by value, as the rows of
   * a codebook are. Default true.
   */
  readonly quantizable?: boolean;
}

export type ParameterType = "float32" | "int32";

export type ParameterRole = "parameter" | "buffer" | "constant";

/** Opens a parameter to this file's functions alone. */
let stateOf: (parameter: Parameter) => ParameterState;

/**
 * One named tensor of a model: declared with the model, given a value by `Module.initializeWeights` or
 * `Module.loadWeights`.
 *
 * It has the name of the field that holds it, below its module's: `encoder.down.0.weight`. Compute with
 * {@link Parameter.value}, so that a compiled function can be fed the weights; see `Module.compiled`.
 */
export class Parameter<T extends tf.Tensor = tf.Tensor> {
  readonly shape: readonly number[];
  readonly dtype: ParameterType;
  readonly role: ParameterRole;
  readonly initial: Initializer;
  readonly fileLayout: readonly number[] | undefined;
  readonly drawnAs: Parameter | string | undefined;
  readonly imported: number | Parameter | undefined;
  readonly quantizable: boolean;
  readonly #state: ParameterState = { path: undefined, owner: undefined, tensor: undefined, fed: undefined };

  static {
    stateOf = (parameter) => parameter.#state;
  }

  constructor(options: ParameterOptions) {
    spend("parameters");
    const {
      shape,
      dtype = "float32",
      initial,
      role = "parameter",
      fileLayout,
      drawnAs,
      imported,
      quantizable = true,
    } = options;
    this.shape = [...shape];
    this.dtype = dtype;
    this.initial = initial;
    this.role = role;
    this.fileLayout = fileLayout;
    this.drawnAs = drawnAs;
    this.imported = imported;
    this.quantizable = quantizable;
  }

  /** Number of values. */
  get size(): number {
    return this.shape.reduce((product, side) => product * side, 1);
  }

  /** The shape in a file. */
  get fileShape(): readonly number[] {
    return this.fileLayout ? this.fileLayout.map((axis) => this.shape[axis]!) : this.shape;
  }

  /** Its name in the model, once the model has its weights. */
  get path(): string | undefined {
    return this.#state.path;
  }

  /**
   * The tensor to compute with: the variable, or what a compiled function was fed in its place. Never dispose it.
   *
   * @throws a {@link MmgenError} when the model has no weights yet, or has been disposed.
   */
  get value(): T {
    return (this.#state.fed ?? this.#held()) as T;
  }

  /**
   * The variable, to assign to. A constant has none.
   *
   * @throws a {@link MmgenError} when the model has no weights yet, or has been disposed.
   */
  get variable(): tf.Variable {
    return this.#held() as tf.Variable;
  }

  #held(): tf.Tensor {
    const { tensor, owner, path } = this.#state;
    if (tensor === undefined) {
      throw new MmgenError(
        `A parameter of shape [${this.shape.join(", ")}] has no value yet. Call initializeWeights or loadWeights of its model first.`,
      );
    }
    if (tensor.isDisposed) {
      throw new MmgenError(`${path}: this ${owner} has been disposed. Make or load another.`);
    }
    return tensor;
  }
}

/** What a `Module` keeps of a parameter. */
interface ParameterState {
  path: string | undefined;
  /** Name of the model's class. */
  owner: string | undefined;
  tensor: tf.Tensor | undefined;
  /** What stands for the tensor while a compiled function runs. */
  fed: tf.Tensor | undefined;
}

/** Whether the parameter has a value. */
export function isAllocated(parameter: Parameter): boolean {
  return stateOf(parameter).tensor !== undefined;
}

/** Gives a parameter its place in a model, and a value that `make` returns. */
export function allocate(parameter: Parameter, place: ParameterPlace, make: () => tf.Tensor): void {
  const { role, shape, dtype } = parameter;
  const state = stateOf(parameter);
  const tensor = tf.tidy(() => {
    const made = make();
    if (`${made.shape}` !== `${shape}` || made.dtype !== dtype) {
      throw new ShapeError(
        `${place.path}: declared as ${dtype} [${shape.join(", ")}], got a first value of ${made.dtype} ` +
          `[${made.shape.join(", ")}]. Let its initializer use the shape that it is given.`,
      );
    }
    return role === "constant" ? tf.keep(made) : tf.variable(made, role === "parameter");
  });
  Object.assign(state, place, { tensor });
}

/** A parameter's name in its model, and the model's class. */
export interface ParameterPlace {
  readonly path: string;
  readonly owner: string;
}

/** Frees a parameter's value. */
export function release(parameter: Parameter): void {
  stateOf(parameter).tensor?.dispose();
}

/** Forgets a parameter's freed value, so that it may be given another. */
export function forget(parameter: Parameter): void {
  release(parameter);
  stateOf(parameter).tensor = undefined;
}

/** Runs `compute` with other tensors in the parameters' places. */
export function withValues<T>(parameters: readonly Parameter[], tensors: readonly tf.Tensor[], compute: () => T): T {
  const before = parameters.map((parameter) => stateOf(parameter).fed);
  const feed = (values: readonly (tf.Tensor | undefined)[]) => {
    for (const [i, parameter] of parameters.entries()) {
      stateOf(parameter).fed = values[i];
    }
  };
  feed(tensors);
  try {
    return compute();
  } finally {
    feed(before);
  }
}

/** What the initializer of a constant is given: it draws nothing. */
export const noRandom = new Proxy({} as Random, {
  get(_, property) {
    throw new MmgenError(
      `A constant parameter cannot draw random values (its initializer reads random.${String(property)}).`,
    );
  },
});
