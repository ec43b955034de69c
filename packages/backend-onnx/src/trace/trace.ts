import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { dependents } from "../graph/failed-dependents.js";
import { LazyValue } from "../graph/lazy-value.js";
import type { Plan } from "../graph/plan.js";
import { elementTypeOf } from "../runtime/element-type.js";
import type { RuntimeSession, RuntimeTensor } from "../runtime/runtime.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { BuiltInConstants } from "./built-in-constants.js";
import { keepVariables, recordableVariables } from "./keep-variables.js";
import { mapTensors, type TensorStructure, tensorsOf } from "./structure.js";

/** Where the elements of a feed come from at a replay. */
type Source =
  | { readonly input: number }
  | { readonly constant: number }
  | { readonly variable: tf.Variable }
  | { readonly captured: LazyValue };

type TensorSource = Exclude<Source, { readonly captured: LazyValue }>;

/** What a function is recorded with. */
export interface TraceArguments {
  readonly args: readonly TensorStructure[];
  /** Further arguments, which a replay takes as constants. */
  readonly constants: readonly tf.Tensor[];
}

/** A function recorded once, which can be replayed with other elements. */
export class Trace<Result extends TensorStructure> {
  readonly #backend: RecordingBackend;
  /** What it is fed with, whether there are elements yet or not. */
  readonly #placeholders: Set<LazyValue>;
  readonly #outputs: readonly LazyValue[];
  readonly #assigned: readonly tf.Variable[];
  readonly #sources: readonly Source[];
  readonly #template: Result;
  readonly #key: string;
  readonly #builtIn: BuiltInConstants;

  // biome-ignore lint/suspicious/noExplicitAny: the constants follow the inputs.
  constructor(backend: RecordingBackend, fn: (...args: any[]) => Result, { args, constants }: TraceArguments) {
    this.#backend = backend;
    // From here on, every other value without elements was recorded by fn.
    this.#placeholders = new Set(backend.flusher.settle());
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
    const variables = new Map<tf.Variable, LazyValue>();
    let outputs: LazyValue[] = [];
    let assigned: tf.Variable[] = [];
    let template: Result | undefined;
    const record = () => {
      const inputs = [...mapTensors(args, createPlaceholder), ...constants.map(createPlaceholder)];
      // Each variable is an input of its own: two may share elements now, or have a value that is known.
      for (const variable of recordableVariables()) {
        const value = new LazyValue(elementTypeOf(variable.dtype)!, [...variable.shape]);
        variables.set(variable, value);
        variable.assign(backend.tensor(value));
      }
      backend.tracing = true;
      try {
        template = fn(...inputs);
        assigned = [...variables.keys()].filter((variable) => backend.heldValue(variable) !== variables.get(variable));
        outputs = this.#produced([...tensorsOf(template), ...assigned].map((tensor) => backend.value(tensor)));
      } finally {
        backend.tracing = false;
      }
    };
    try {
      tf.tidy(() => {
        keepVariables(backend, recordableVariables(), record);
      });
    } finally {
      for (const placeholder of [...placeholders, ...variables.values()]) {
        this.#placeholders.add(placeholder);
        // For what the function kept beyond its call.
        placeholder.failure = new KernelError(
          "A tensor that depends on the inputs of a compiled function has no elements: it was recorded once, to be replayed. " +
            "Return it instead of keeping it.",
        );
      }
    }
    this.#refuseNewVariables(variables);
    this.#template = template as Result;
    this.#outputs = outputs;
    this.#assigned = assigned;
    const plan = this.#plan();
    this.#placeholders = new Set(plan.feeds);
    this.#key = plan.key;
    const inputs = placeholders.length - constants.length;
    const variableOf = new Map([...variables].map(([variable, value]) => [value, variable]));
    this.#sources = plan.feeds.map((feed) => {
      const place = placeholders.indexOf(feed);
      const variable = variableOf.get(feed);
      if (place >= inputs) {
        return { constant: place - inputs };
      }
      return place >= 0 ? { input: place } : variable ? { variable } : { captured: feed };
    });
    this.#builtIn = new BuiltInConstants(backend.executor, this.#key);
    for (const captured of this.#captured()) {
      backend.hold(captured);
    }
  }

  /** Releases the values it captured. It cannot be replayed afterwards. */
  dispose(): void {
    this.#builtIn.drop();
    for (const captured of this.#captured()) {
      this.#backend.release(captured);
    }
  }

  /** Runs the recorded graph with these tensors as inputs and constants; on an asynchronous runtime, with the next flush. */
  replay(inputs: readonly tf.Tensor[], constants: readonly tf.Tensor[]): Result {
    const backend = this.#backend;
    backend.flusher.freeUnheld();
    const values = this.#outputs.map(({ type, shape }) => new LazyValue(type, shape));
    if (values.length > 0) {
      this.#compute(values, (source) => {
        if ("constant" in source) {
          return constants[source.constant]!;
        }
        return "input" in source ? inputs[source.input]! : source.variable;
      });
    }
    const returned = values.length - this.#assigned.length;
    this.#assigned.forEach((variable, i) => {
      const value = values[returned + i]!;
      // What tfjs keeps of a variable stays true of its new value.
      if (!backend.replace(variable, value)) {
        const tensor = backend.tensor(value);
        variable.assign(tensor);
        tensor.dispose();
      }
    });
    let next = 0;
    return mapTensors(this.#template, () => backend.tensor(values[next++]!));
  }

  #compute(values: readonly LazyValue[], tensorOf: (source: TensorSource) => tf.Tensor): void {
    const backend = this.#backend;
    if (!backend.executor.runtime.synchronous) {
      const inputs = this.#sources.map((source) =>
        "captured" in source ? source.captured : backend.value(tensorOf(source)),
      );
      backend.flusher.defer({ inputs, outputs: values, run: async (feeds) => this.#run(feeds) });
      return;
    }
    const feeds = this.#sources.map((source) =>
      "captured" in source ? source.captured.resident! : backend.resident(tensorOf(source)),
    );
    const results = this.#run(feeds) as RuntimeTensor[];
    values.forEach((value, i) => {
      value.resident = results[i]!;
    });
  }

  #captured(): LazyValue[] {
    return this.#sources.flatMap((source) => ("captured" in source ? [source.captured] : []));
  }

  #run(feeds: readonly RuntimeTensor[]): RuntimeTensor[] | Promise<RuntimeTensor[]> {
    const { executor } = this.#backend;
    const isConstant = (i: number) => "constant" in this.#sources[i]!;
    const constants = feeds.filter((_, i) => isConstant(i));
    const key = this.#builtIn.keyFor(constants);
    if (key === undefined) {
      const compile = () => executor.compile(this.#plan(), { key: this.#key, elements: new Map() });
      return executor.runKeyed({ key: this.#key, compile }, feeds);
    }
    const fed = feeds.filter((_, i) => !isConstant(i));
    return executor.runKeyed({ key, compile: () => this.#compileWith(feeds, key) }, fed);
  }

  /** Compiles the recorded graph with the elements of the constants in it. */
  #compileWith(feeds: readonly RuntimeTensor[], key: string): RuntimeSession | Promise<RuntimeSession> {
    const plan = this.#plan();
    const elements = new Map(
      plan.feeds.flatMap((value, i) => {
        const feed = feeds[i]!;
        return "constant" in this.#sources[i]! ? [[value, feed.host ?? feed.downloadSync!()] as const] : [];
      }),
    );
    return this.#backend.executor.compile(plan, { key, elements });
  }

  #plan(): Plan {
    const { executor, planner } = this.#backend;
    const returned = this.#outputs.length - this.#assigned.length;
    const assigned = executor.asksForVariables ? new Set(this.#outputs.slice(returned)) : undefined;
    return planner.plan(this.#outputs, this.#placeholders, assigned);
  }

  /** @throws KernelError where the function made a variable, and gave it a value that depends on what it was fed with. */
  #refuseNewVariables(found: ReadonlyMap<tf.Variable, LazyValue>): void {
    const isLost = (variable: tf.Variable) => dependents([this.#backend.heldValue(variable)]).length > 0;
    const lost = recordableVariables().find((variable) => !found.has(variable) && isLost(variable));
    if (lost !== undefined) {
      throw new KernelError(
        `A compiled function made the variable ${lost.name} and assigned it, which would begin anew at every call. ` +
          "Make it before: an optimizer of tfjs's makes its own in its first step, which has to be taken outside.",
      );
    }
  }

  /**
   * Adds a node to an input or a captured tensor that is returned unchanged, and to what is returned twice: each of a
   * session's outputs has a node and a name of its own.
   */
  #produced(values: readonly LazyValue[]): LazyValue[] {
    const named = new Set<LazyValue>();
    return values.map((value) => {
      const isOwn = value.producer !== undefined && !this.#placeholders.has(value) && !named.has(value);
      const output = isOwn ? value : this.#backend.graph.unary("Identity", value);
      named.add(output);
      return output;
    });
  }
}
