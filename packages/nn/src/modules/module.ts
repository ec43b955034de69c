import { MmgenError, type Random, resolveLimits, type SafetensorsContent, type StoredTensor } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { compile, type TensorFunction } from "../transforms/compile.js";
import { requireBackend } from "../transforms/require-backend.js";
import { dequantizedWeights } from "../weights/quantized-weights.js";
import { checkStoredWeights, readStoredTensor } from "../weights/stored-weights.js";
import type { WeightNames } from "../weights/weight-names.js";
import { checkConstants, type LoadOptions, spend } from "./build-budget.js";
import { describeModule } from "./describe-module.js";
import { exportWeights, importWeights, storeWeights } from "./module-weights.js";
import { allocate, forget, isAllocated, noRandom, Parameter, release, withValues } from "./parameter.js";

/**
 * A model, or a part of one: fields that are parameters or further modules, and methods that compute with them.
 *
 * Every enumerable field that is a {@link Parameter}, a Module, or an array or plain object of these is a part; the
 * fields' names make the parameters' names, `encoder.down.0.weight`. A `#private` field is not seen. A parameter that
 * is found twice is one weight under two names (tied weights).
 *
 * A model has two phases. Its constructor declares: shapes are known and nothing is allocated, so that a file can be
 * checked first. Then {@link Module.initializeWeights} or {@link Module.loadWeights} gives every parameter its value, on
 * the active backend. The model owns these values: dispose it.
 *
 * ```ts
 * class Perceptron extends Module {
 *   readonly hidden = new Linear({ inputs: 2, outputs: 8 });
 *   readonly output = new Linear({ inputs: 8, outputs: 1 });
 *
 *   forward(x: tf.Tensor): tf.Tensor {
 *     return this.output.forward(relu(this.hidden.forward(x)));
 *   }
 * }
 * const model = new Perceptron().initializeWeights(Random.fromSeed(1));
 * model.parameters; // Map of "hidden.weight", "hidden.bias", "output.weight", "output.bias" → tf.Variable
 * ```
 *
 * Files: `saveModel` and `loadModel` hold weights and configuration; {@link Module.importStateDict} and
 * {@link Module.exportStateDict} exchange weights with other programs.
 */
export abstract class Module {
  /**
   * Other names of fields in the parameters' names, where a file format asks for them: `{ attentionNorm: "ln_1" }`. The
   * empty name leaves the field's own level out.
   */
  static readonly paths: Readonly<Record<string, string>> = {};

  /** Id of the training run that the weights came from; `loadModel` sets it, and `saveModel` writes it. */
  declare run?: string;
  #tree: ParameterTree | undefined;
  #variables: Variables | undefined;
  #disposed = false;

  constructor() {
    spend("modules");
  }

  /** Variables learned by gradients, by name, in the order of the fields. */
  get parameters(): ReadonlyMap<string, tf.Variable> {
    return this.#allocated().parameter;
  }

  /** Variables that change otherwise and belong in files (running statistics), by name, in the order of the fields. */
  get buffers(): ReadonlyMap<string, tf.Variable> {
    return this.#allocated().buffer;
  }

  /** What files hold, parameters and buffers, by name, in the order of the fields; known before there are values. */
  get weights(): ReadonlyMap<string, Parameter> {
    return this.#collected().weights;
  }

  /** Number of values learned by gradients. */
  get parameterCount(): number {
    const learned = [...this.weights.values()].filter(({ role }) => role === "parameter");
    return learned.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Gives every parameter its first value.
   *
   * @param random - The same seed gives the same model.
   * @param options - `streams`: `"by name"` (default) draws each parameter from a stream of its own, `random.fork(name)`,
   *   so that a changed part leaves the others as they were; `"shared"` draws all from `random`, in the order of the
   *   fields.
   * @returns The module itself.
   * @throws a {@link MmgenError} when it has weights already or has been disposed; a `ConfigError` where no TensorFlow.js
   *   backend runs, with the packages to install.
   */
  initializeWeights(random: Random, { streams = "by name" }: { readonly streams?: "by name" | "shared" } = {}): this {
    const names = new Map([...this.#collected().all].map(([name, parameter]) => [parameter, name]));
    const streamOf = (parameter: Parameter): string => {
      const { drawnAs = names.get(parameter)! } = parameter;
      return drawnAs instanceof Parameter ? streamOf(drawnAs) : drawnAs;
    };
    return this.#allocateAll((parameter) =>
      parameter.initial(parameter.shape, streams === "shared" ? random : random.fork(streamOf(parameter))),
    );
  }

  /**
   * Sets every weight to an array of a file, all of them or, when one does not fit, none.
   *
   * Names, shapes and dtypes are compared before anything is allocated. A model that has weights is assigned new ones.
   * Weights of half precision or 8 bits become float32.
   *
   * @param stored - By name, in the files' layout; borrowed.
   * @param options - `limits`: of constants, such as masks, which a small file may make large.
   * @returns The module itself.
   * @throws a `CheckpointError` when a name is missing or unknown, a shape or dtype differs, an 8-bit weight's scales are
   *   not right, or constants are beyond the limit.
   */
  loadWeights(stored: ReadonlyMap<string, StoredTensor>, { limits }: LoadOptions = {}): this {
    this.checkUsable();
    const tensors = dequantizedWeights(stored);
    checkStoredWeights(this.weights, tensors);
    checkConstants(this.#collected().all.values(), resolveLimits(limits));
    if ([...this.#collected().all.values()].every(isAllocated)) {
      for (const [name, { variable, fileLayout }] of this.weights) {
        tf.tidy(() => variable.assign(readStoredTensor(tensors.get(name)!, fileLayout)));
      }
      return this;
    }
    return this.#allocateAll((parameter, name) =>
      parameter.role === "constant"
        ? parameter.initial(parameter.shape, noRandom)
        : readStoredTensor(tensors.get(name)!, parameter.fileLayout),
    );
  }

  /** Reads every weight back, by name, in the files' layout; see {@link Module.loadWeights}. */
  storeWeights(): Promise<Map<string, StoredTensor>> {
    this.checkUsable();
    return storeWeights(this.weights);
  }

  /**
   * Sets every weight from a file of another program, whose names and layouts `names` describes.
   *
   * Every weight must be there in its shape, and every entry of the file be used or listed as ignored. Weights that only
   * this project's training keeps take the value that they declare as `imported`.
   *
   * @param file - The safetensors file, or its content; borrowed.
   * @returns The module itself.
   * @throws a `CheckpointError` that lists what is missing, left over or of another shape, with the nearest names.
   */
  importStateDict(file: Uint8Array | ArrayBuffer | SafetensorsContent, names: WeightNames = {}): this {
    return this.loadWeights(importWeights(file, this.weights, this.#collected().tied, names));
  }

  /** The weights as a safetensors file for another program, such as for PyTorch's `load_state_dict`. */
  async exportStateDict(names: WeightNames = {}): Promise<Uint8Array> {
    return exportWeights(await this.storeWeights(), this.weights, this.#collected().tied, names);
  }

  /** Frees the weights; safe to call twice. */
  dispose(): void {
    this.#disposed = true;
    for (const parameter of this.#collected().all.values()) {
      release(parameter);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `VqVae(121,347 parameters, imageSide 28)`: what `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const state = this.#disposed ? "disposed" : `${this.parameterCount.toLocaleString("en-US")} parameters`;
    return describeModule(this.constructor.name, state, (this as { config?: unknown }).config);
  }

  /** Throws a {@link MmgenError} once the module has been disposed; for the first line of public methods. */
  protected checkUsable(): void {
    if (this.#disposed) {
      throw new MmgenError(`This ${this.constructor.name} has been disposed. Make or load another.`);
    }
  }

  /**
   * {@link compile} for functions that read this module's parameters, which are its constants: after training on or
   * loading others the function is not traced again.
   *
   * @param fn - Reads weights through {@link Parameter.value}; otherwise as {@link compile} asks.
   * @returns A function that borrows its inputs and whose outputs are yours to dispose.
   */
  protected compiled(fn: TensorFunction): TensorFunction {
    const run = compile(
      (...inputs) => {
        const parameters = [...this.#collected().all.values()];
        const first = inputs.length - parameters.length;
        return withValues(parameters, inputs.slice(first), () => fn(...inputs.slice(0, first)));
      },
      { constants: () => [...this.#collected().all.values()].map(({ value }) => value) },
    );
    return (...inputs) => {
      this.checkUsable();
      return run(...inputs);
    };
  }

  #collected(): ParameterTree {
    this.#tree ??= collectParameters(this);
    return this.#tree;
  }

  #allocated(): Variables {
    if (this.#variables === undefined) {
      // As a part of a larger model it gets its variables from there.
      const of = (wanted: Parameter["role"]) =>
        new Map(
          [...this.weights].filter(([, { role }]) => role === wanted).map(([name, each]) => [name, each.variable]),
        );
      this.#variables = { parameter: of("parameter"), buffer: of("buffer") };
    }
    return this.#variables;
  }

  #allocateAll(make: (parameter: Parameter, name: string) => tf.Tensor): this {
    this.checkUsable();
    requireBackend();
    const { all } = this.#collected();
    if ([...all.values()].some(isAllocated)) {
      throw new MmgenError(`This ${this.constructor.name} has its weights already. Make another.`);
    }
    try {
      for (const [path, parameter] of all) {
        allocate(parameter, { path, owner: this.constructor.name }, () => make(parameter, path));
      }
    } catch (error) {
      for (const parameter of all.values()) {
        forget(parameter);
      }
      throw error;
    }
    return this;
  }
}

interface Variables {
  readonly parameter: ReadonlyMap<string, tf.Variable>;
  readonly buffer: ReadonlyMap<string, tf.Variable>;
}

/** A module's parameters by name, in the order of its fields. */
interface ParameterTree {
  /** Each parameter once, by the first name that it is found under; constants too. */
  readonly all: ReadonlyMap<string, Parameter>;
  /** All but the constants. */
  readonly weights: ReadonlyMap<string, Parameter>;
  /** Further names of parameters that are found again, to the first. */
  readonly tied: Readonly<Record<string, string>>;
}

function collectParameters(root: Module): ParameterTree {
  const all = new Map<string, Parameter>();
  const names = new Map<Parameter, string>();
  // Without a prototype: a field may have any name.
  const tied: Record<string, string> = Object.create(null);
  // A part may refer to what holds it.
  const holders = new Set<object>();
  const add = (path: string, parameter: Parameter) => {
    const first = names.get(parameter);
    if (first !== undefined) {
      tied[path] = first;
    } else if (all.has(path)) {
      throw new MmgenError(`Two parameters of ${root.constructor.name} are named "${path}". Rename a field.`);
    } else {
      all.set(path, parameter);
      names.set(parameter, path);
    }
  };
  const visit = (path: string, part: unknown) => {
    if (part instanceof Parameter) {
      add(path, part);
    } else if (isContainer(part) && !holders.has(part)) {
      holders.add(part);
      const { paths } = part instanceof Module ? (part.constructor as typeof Module) : Module;
      for (const [field, value] of Object.entries(part)) {
        const name = Object.hasOwn(paths, field) ? paths[field] : field;
        visit([path, name].filter((each) => each !== "").join("."), value);
      }
      holders.delete(part);
    }
  };
  visit("", root);
  const weights = new Map([...all].filter(([, { role }]) => role !== "constant"));
  return { all, weights, tied };
}

/** What may hold parameters: modules, arrays and plain objects. */
function isContainer(part: unknown): part is object {
  if (typeof part !== "object" || part === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(part);
  return part instanceof Module || Array.isArray(part) || prototype === Object.prototype || prototype === null;
}
