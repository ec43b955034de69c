import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { LazyValue } from "../graph/lazy-value.js";
import type { Plan } from "../graph/plan.js";
import { elementTypeOf } from "../runtime/element-type.js";
import type { RuntimeTensor } from "../runtime/runtime.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { mapTensors, type TensorStructure, tensorsOf } from "./structure.js";

/** Where the elements of a feed come from at a replay. */
type Source =
  | { readonly input: number }
  | { readonly variable: tf.Variable; readonly shape: readonly number[] }
  | { readonly captured: LazyValue };

/** A function recorded once, which can be replayed with other elements. */
export class Trace<Args extends TensorStructure[], Result extends TensorStructure> {
  readonly #backend: RecordingBackend;
  readonly #placeholders: ReadonlySet<LazyValue>;
  readonly #outputs: readonly LazyValue[];
  readonly #assigned: readonly tf.Variable[];
  readonly #sources: readonly Source[];
  readonly #template: Result;
  readonly #key: string;

  constructor(backend: RecordingBackend, fn: (...args: Args) => Result, args: Args) {
    this.#backend = backend;
    // From here on, every value without elements was recorded by fn.
    backend.flushSync();
    const variables = new Map<LazyValue, tf.Variable>();
    const before = new Map<tf.Variable, LazyValue>();
    for (const variable of Object.values(tf.engine().registeredVariables)) {
      if (!variable.isDisposed && elementTypeOf(variable.dtype) !== undefined) {
        const value = backend.heldValue(variable);
        variables.set(value, variable);
        before.set(variable, value);
      }
    }
    const placeholders: LazyValue[] = [];
    const createPlaceholder = (tensor: tf.Tensor): tf.Tensor => {
      const type = elementTypeOf(tensor.dtype);
      if (type === undefined) {
        throw new KernelError(
          `A compiled function takes float32, int32 and bool tensors, got ${tensor.dtype}. Convert the input with tf.cast.`,
        );
      }
      const placeholder = new LazyValue(type, [...tensor.shape]);
      placeholders.push(placeholder);
      return backend.tensor(placeholder);
    };
    let outputs: LazyValue[] = [];
    let assigned: tf.Variable[] = [];
    let template: Result | undefined;
    tf.tidy(() => {
      const inputs = mapTensors(args, createPlaceholder);
      backend.tracing = true;
      try {
        template = fn(...inputs);
        assigned = [...before.keys()].filter((variable) => backend.heldValue(variable) !== before.get(variable));
        outputs = [...tensorsOf(template), ...assigned].map((tensor) => this.#produced(backend.value(tensor)));
      } finally {
        backend.tracing = false;
        for (const [variable, value] of before) {
          if (!variable.isDisposed && backend.heldValue(variable) !== value) {
            variable.assign(backend.tensor(value));
          }
        }
      }
    });
    this.#template = template as Result;
    this.#placeholders = new Set(placeholders);
    this.#outputs = outputs;
    this.#assigned = assigned;
    const plan = this.#plan();
    this.#key = plan.key;
    this.#sources = plan.feeds.map((feed) => {
      const input = placeholders.indexOf(feed);
      const variable = variables.get(feed.base ?? feed);
      return input >= 0 ? { input } : variable ? { variable, shape: feed.shape } : { captured: feed };
    });
    for (const captured of this.#captured()) {
      backend.hold(captured);
    }
  }

  /** Releases the values it captured. It cannot be replayed afterwards. */
  dispose(): void {
    for (const captured of this.#captured()) {
      this.#backend.release(captured);
    }
  }

  /** Runs the recorded graph with these tensors as inputs. */
  replay(inputs: readonly tf.Tensor[]): Result {
    const backend = this.#backend;
    const feeds = this.#sources.map((source): RuntimeTensor => {
      if ("captured" in source) {
        return source.captured.resident!;
      }
      return "input" in source
        ? backend.resident(inputs[source.input]!)
        : backend.resident({ ...describe(source.variable), shape: [...source.shape] });
    });
    const results = this.#outputs.length === 0 ? [] : this.#run(feeds);
    const tensors = results.map((result, i) => {
      const output = this.#outputs[i]!;
      const value = new LazyValue(output.type, output.shape);
      value.resident = result;
      return backend.tensor(value);
    });
    const returned = tensors.length - this.#assigned.length;
    this.#assigned.forEach((variable, i) => {
      const tensor = tensors[returned + i]!;
      variable.assign(tensor);
      tensor.dispose();
    });
    let next = 0;
    return mapTensors(this.#template, () => tensors[next++]!);
  }

  #captured(): LazyValue[] {
    return this.#sources.flatMap((source) => ("captured" in source ? [source.captured] : []));
  }

  #run(feeds: readonly RuntimeTensor[]): RuntimeTensor[] {
    const { executor } = this.#backend;
    const session = executor.cache.find(this.#key) ?? executor.compile(this.#plan());
    return executor.runSession(session, feeds, this.#key);
  }

  #plan(): Plan {
    return this.#backend.planner.plan(this.#outputs, this.#placeholders);
  }

  /** Adds a node to an input or a captured tensor that is returned unchanged: a session's outputs come from nodes. */
  #produced(value: LazyValue): LazyValue {
    return value.producer === undefined ? this.#backend.graph.unary("Identity", value) : value;
  }
}

function describe(tensor: tf.Tensor): tf.TensorInfo {
  return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
}
