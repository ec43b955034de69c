import type { RuntimeTensor } from "../runtime/runtime.js";
import type { Attributes } from "./attributes.js";
import type { ElementType } from "./element-type.js";

/** One recorded ONNX operator. */
export interface LazyNode {
  readonly op: string;
  readonly domain: string;
  /** Null marks an optional input left out. */
  readonly inputs: readonly (LazyValue | null)[];
  readonly attributes: Attributes | undefined;
  /** What a loop repeats; null for any other operator. */
  readonly body: Subgraph | null;
  /** Operator, attributes and body as text; with the inputs' numbers it is the node's part of a graph key. */
  readonly signature: string;
  /** Nodes are numbered as they are recorded. */
  readonly order: number;
  outputs: readonly LazyValue[];
  /** The last traversal that met this node. */
  visit: number;
}

/** A graph inside a node. */
export interface Subgraph {
  /** Without producer or elements: whoever runs the graph binds them. */
  readonly inputs: readonly LazyValue[];
  /** Each with a producer among `nodes`, no two the same. */
  readonly outputs: readonly LazyValue[];
  /** In an order they can run in. */
  readonly nodes: readonly LazyNode[];
  /** Values of the graph around it that it reads. */
  readonly captures: readonly LazyValue[];
  /** Equal exactly for subgraphs of equal structure; captures count by their place. */
  readonly key: string;
}

/** What has to be computed before a node can run. */
export function sourcesOf(node: LazyNode): readonly (LazyValue | null)[] {
  return node.body === null ? node.inputs : [...node.inputs, ...node.body.captures];
}

/**
 * A tensor of the recorded graph: not yet computed (it has a `producer`), or computed or uploaded (`resident`),
 * or failed (`failure`).
 */
export class LazyValue {
  producer: LazyNode | null = null;
  /** Its elements, once they exist. */
  resident: RuntimeTensor | null = null;
  /** Why its graph could not be computed. */
  failure: Error | null = null;
  /** How many data ids hold it; a held value becomes an output of the next flush. */
  holders = 0;
  /** Set for a value small enough to be part of the graph's key and baked into the model. */
  constantKey: string | null = null;
  /** Set where every element is known to be this number, so that elementwise kernels can use a scalar instead. */
  splat: number | null = null;
  /** Where this is the same elements in another shape: the value that has them. */
  base: LazyValue | null = null;
  /** Values that have this one's elements in other shapes, by shape. */
  views: Map<string, LazyValue> | null = null;
  /** The last traversal that met this value, and the number it gave. */
  visit = 0;
  number = 0;

  constructor(
    readonly type: ElementType,
    readonly shape: readonly number[],
  ) {}

  get size(): number {
    let size = 1;
    for (const dimension of this.shape) {
      size *= dimension;
    }
    return size;
  }
}
