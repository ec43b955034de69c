import { LRUCache } from "lru-cache";
import { type ElementType, hostArray } from "../runtime/element-type.js";
import { HostTensor } from "../runtime/runtime.js";
import { type Attributes, attributesKey, type LazyNode, LazyValue, type Subgraph } from "./lazy-value.js";

/** Type and shape of one output of a node. */
export interface OutputSpec {
  readonly type: ElementType;
  readonly shape: readonly number[];
}

export interface NodeOptions {
  readonly attributes?: Attributes;
  /** `"com.microsoft"` for ONNX Runtime's own operators. */
  readonly domain?: string;
  /** The body of a loop. */
  readonly body?: Subgraph;
}

/** Appends nodes to the lazy graph. It computes nothing and owns nothing: unreachable nodes are garbage-collected. */
export class Recorder {
  /** Nodes recorded since the count was last reset. */
  recorded = 0;
  /** Recording order of the next node. */
  nextOrder = 0;
  readonly #named = new Map<string, LazyValue>();
  readonly #indices = new LRUCache<string, LazyValue>({ max: 4096 });
  /** Whether equal indices are one constant; off while a graph is recorded whose sizes are to stay open. */
  sharesIndices = true;

  /** Records one operator with several outputs. */
  nodes(
    op: string,
    inputs: readonly (LazyValue | undefined)[],
    outputs: readonly OutputSpec[],
    options?: NodeOptions,
  ): LazyValue[] {
    const values = outputs.map(({ type, shape }) => new LazyValue(type, shape));
    const node = this.nodeFor(values, op, inputs, options);
    for (const value of values) {
      value.producer = node;
    }
    return values;
  }

  /** Records the operator that computes values which exist already. */
  nodeFor(
    outputs: readonly LazyValue[],
    op: string,
    inputs: readonly (LazyValue | undefined)[],
    { attributes, body, domain = "" }: NodeOptions = {},
  ): LazyNode {
    this.recorded++;
    const count = outputs.length === 1 ? "" : `*${outputs.length}`;
    return {
      op,
      domain,
      inputs,
      attributes,
      body,
      signature: `${domain}${op}${count}${attributesKey(attributes)}${body === undefined ? "" : `{${body.key}}`}`,
      order: this.nextOrder++,
      outputs,
      visit: 0,
    };
  }

  /** Records one operator with one output. */
  node(
    op: string,
    inputs: readonly (LazyValue | undefined)[],
    type: ElementType,
    shape: readonly number[],
    options?: NodeOptions,
  ): LazyValue {
    return this.nodes(op, inputs, [{ type, shape }], options)[0]!;
  }

  /** A value stored in the model and part of the graph's key: for axes, shapes and other parts of the structure. */
  constant(type: ElementType, shape: readonly number[], values: readonly number[]): LazyValue {
    const value = new LazyValue(type, shape);
    const data = hostArray(type, values.length);
    for (let i = 0; i < values.length; i++) {
      data[i] = type === "int64" ? BigInt(values[i]!) : values[i]!;
    }
    value.resident = new HostTensor(data);
    value.constantKey = `${type}[${shape.join()}]${values.map((x) => (Object.is(x, -0) ? "-0" : x)).join()}`;
    if (values.length === 1) {
      value.splat = values[0]!;
    }
    return value;
  }

  /**
   * A long int32 constant that is created once and identified by its name in the graph's key.
   *
   * @param name - Must differ for different elements.
   */
  named(type: "int32" | "float32", name: string, values: () => Int32Array | Float32Array): LazyValue {
    let value = this.#named.get(name);
    if (value === undefined) {
      const data = values();
      value = new LazyValue(type, [data.length]);
      value.resident = new HostTensor(data);
      value.constantKey = name;
      this.#named.set(name, value);
    }
    return value;
  }

  /** A 1-D int64 constant, the form in which ONNX takes axes and shapes. */
  indices(values: readonly number[]): LazyValue {
    if (!this.sharesIndices) {
      return this.constant("int64", [values.length], values);
    }
    const key = values.join();
    let known = this.#indices.get(key);
    if (known === undefined) {
      known = this.constant("int64", [values.length], values);
      this.#indices.set(key, known);
    }
    return known;
  }

  /** A constant of rank 0. */
  scalar(type: ElementType, value: number): LazyValue {
    return this.constant(type, [], [value]);
  }

  /** A tensor whose elements all equal `value`; elementwise kernels use the number instead of the tensor. */
  fill(type: ElementType, shape: readonly number[], value: number): LazyValue {
    if (shape.length === 0) {
      return this.scalar(type, value);
    }
    if (shape.includes(0)) {
      return this.empty(type, shape);
    }
    const filled = this.node("Expand", [this.scalar(type, value), this.indices(shape)], type, shape);
    filled.splat = value;
    return filled;
  }

  /** A tensor without elements. */
  empty(type: ElementType, shape: readonly number[]): LazyValue {
    return this.constant(type, shape, []);
  }
}
