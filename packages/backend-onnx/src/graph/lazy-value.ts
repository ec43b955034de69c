import type { ElementType } from "../runtime/element-type.js";
import type { RuntimeTensor } from "../runtime/runtime.js";

/**
 * A tensor of the recorded graph: not computed yet (it has a `producer`), available (`resident`), or failed
 * (`failure`).
 */
export class LazyValue {
  #producer: LazyNode | undefined;
  #makeProducer: (() => LazyNode) | undefined;
  /** Its elements, once they exist. */
  resident: RuntimeTensor | undefined;
  /** Why it could not be computed. */
  failure: Error | undefined;
  /** Whether the call of a compiled function computes it, which has not run yet. */
  isDeferred = false;
  /** Whether it is being computed: what its node reads may be freed then, before what is recorded now is computed. */
  isComputing = false;
  /** Number of data ids that hold it; a held value is an output of the next flush. */
  holders = 0;
  /** Set for a value that is stored in the model; part of the graph's key. */
  constantKey: string | undefined;
  /** The number that every element is known to equal: elementwise kernels can then use a scalar. */
  splat: number | undefined;
  /** For a view of the same elements in another shape: the value that owns them. */
  base: LazyValue | undefined;
  /**
   * The same elements with channels in blocks, for a value `[batch, height, width, channels]`: its shape is
   * `[batch, channels, height, width]`, its memory `[batch, channels / b, height, width, b]`. See {@link BlockBuilder}.
   */
  blocked: LazyValue | undefined;
  /** Whether it is computed in blocks: then what depends on it elementwise is too. */
  inBlocks = false;
  /** Views of this value's elements in other shapes, by shape. */
  views: Map<string, LazyValue> | undefined;
  /** Id of the last traversal that reached this value, and the number it assigned. */
  visit = 0;
  number = 0;

  constructor(
    readonly type: ElementType,
    readonly shape: readonly number[],
  ) {}

  /** The node that computes it; undefined once its elements exist. */
  get producer(): LazyNode | undefined {
    if (this.#makeProducer !== undefined) {
      this.producer = this.#makeProducer();
    }
    return this.#producer;
  }

  set producer(node: LazyNode | undefined) {
    this.#makeProducer = undefined;
    this.#producer = node;
  }

  /** The node that computes it, where what is recorded now may read what it reads instead. */
  get openProducer(): LazyNode | undefined {
    return this.isComputing ? undefined : this.producer;
  }

  /** Marks it as being computed; what is recorded from now on reads it as it is. */
  begin(): void {
    this.isComputing = true;
    this.blocked = undefined;
    this.inBlocks = false;
  }

  /** Leaves the node to be recorded when something first asks for it. */
  deferProducer(make: () => LazyNode): void {
    this.#makeProducer = make;
  }

  /** Forgets how it is computed: its elements exist, or never will. */
  settle(): void {
    this.producer = undefined;
    this.blocked = undefined;
    this.inBlocks = false;
    this.isDeferred = false;
    this.isComputing = false;
  }

  /** Number of elements. */
  get size(): number {
    let size = 1;
    for (const dimension of this.shape) {
      size *= dimension;
    }
    return size;
  }
}

/** One recorded ONNX operator. */
export interface LazyNode {
  readonly op: string;
  readonly domain: string;
  /** Undefined for an optional input that is left out. */
  readonly inputs: readonly (LazyValue | undefined)[];
  readonly attributes: Attributes | undefined;
  /** The body of a loop; undefined for any other operator. */
  readonly body: Subgraph | undefined;
  /** Operator, attributes and body as text; with the numbers of the inputs it is the node's part of a graph key. */
  readonly signature: string;
  /** Position in recording order. */
  readonly order: number;
  outputs: readonly LazyValue[];
  /** Id of the last traversal that reached this node. */
  visit: number;
}

/** A graph inside a node: the body of a loop. */
export interface Subgraph {
  /** Values without producer or elements, bound by the loop. */
  readonly inputs: readonly LazyValue[];
  /** Distinct values, each produced by one of `nodes`. */
  readonly outputs: readonly LazyValue[];
  /** In topological order. */
  readonly nodes: readonly LazyNode[];
  /** Values of the outer graph that the body reads. */
  readonly captures: readonly LazyValue[];
  /** Structural key; captures are identified by their position. */
  readonly key: string;
}

/** The values that must be computed before a node can run: its inputs, and what its body captures. */
export function sourcesOf(node: LazyNode): readonly (LazyValue | undefined)[] {
  return node.body === undefined ? node.inputs : [...node.inputs, ...node.body.captures];
}

/** Attributes of a node by ONNX name. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

export type AttributeValue = number | readonly number[] | string | FloatAttribute;

/** A float attribute; plain numbers are ONNX ints. */
export interface FloatAttribute {
  readonly float: number;
}

/** Marks a number as a float attribute. */
export function float(value: number): FloatAttribute {
  return { float: value };
}

/** Attributes as text, equal exactly for equal attributes: part of a graph's key. */
export function attributesKey(attributes: Attributes | undefined): string {
  if (attributes === undefined) {
    return "";
  }
  let key = "";
  for (const name in attributes) {
    const value = attributes[name]!;
    key += `;${name}=`;
    if (typeof value === "object" && "float" in value) {
      key += `f${Object.is(value.float, -0) ? "-0" : value.float}`;
    } else if (typeof value === "string") {
      key += JSON.stringify(value);
    } else {
      key += value;
    }
  }
  return key;
}
