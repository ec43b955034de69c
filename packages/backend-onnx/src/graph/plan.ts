import { type LazyNode, type LazyValue, type Subgraph, sourcesOf } from "./lazy-value.js";

/** The part of the recorded graph that some outputs need, in topological order, with its structural key. */
export interface Plan {
  /**
   * Equal exactly for graphs of equal structure: operators, attributes, shapes, types, wiring, outputs, and which of them
   * variables take; not values.
   */
  readonly key: string;
  readonly nodes: readonly LazyNode[];
  /** Values that are fed, in traversal order. */
  readonly feeds: readonly LazyValue[];
  /** Values stored in the model. */
  readonly constants: readonly LazyValue[];
  readonly outputs: readonly LazyValue[];
  /** Outputs that variables take, among other values; empty where nobody asked. */
  readonly assigned: ReadonlySet<LazyValue>;
}

/** Values of subgraphs are numbered from multiples of this, so that no two values of a model share a name. */
export const bodyNumberRange = 2 ** 24;

const noValues: ReadonlySet<LazyValue> = new Set();

/** So many parts of keys are remembered. */
const maxIds = 2 ** 16;

/** Plans graphs. It numbers its traversals, so that marks of earlier ones on values and nodes need no clearing. */
export class Planner {
  #visit = 0;
  #bodies = 0;
  /** Numbers of operators with their attributes, of sources and of constants, by their text. */
  readonly #ids = new Map<string, number>();
  #lastId = 0;

  /**
   * Walks the graph back from `outputs` and numbers every value it reaches, in an order that depends on structure only.
   *
   * @param outputs - Values with a producer.
   * @param placeholders - Values to feed although they have no elements yet.
   * @param assigned - Outputs that variables take, among other values.
   * @throws the failure of a value that could not be computed earlier.
   */
  plan(outputs: readonly LazyValue[], placeholders = noValues, assigned = noValues): Plan {
    const feeds: LazyValue[] = [];
    const constants: LazyValue[] = [];
    const { key, nodes } = this.#walk(outputs, {
      base: 0,
      marked: outputs.filter((output) => assigned.has(output)),
      isSource: (value) => value.producer === undefined || placeholders.has(value),
      keySource: (value) => {
        if (value.constantKey !== undefined) {
          constants.push(value);
          return this.#idOf(`#${value.constantKey}`);
        }
        const isFed = placeholders.has(value);
        if (value.failure !== undefined && !isFed) {
          throw value.failure;
        }
        if (value.resident === undefined && !isFed) {
          throw new Error(
            "A recorded value has neither elements nor a producer. This is a bug of @mmgen/backend-onnx.",
          );
        }
        feeds.push(value);
        return this.#idOf(`<${value.type}:${value.shape.join()}`);
      },
    });
    return { key, nodes, feeds, constants, outputs, assigned };
  }

  /**
   * Plans the body of a loop. Nodes that do not depend on its inputs stay in the outer graph and are computed once.
   *
   * @param inputs - Values that the loop binds.
   * @param outputs - Distinct values with a producer.
   * @param firstOrder - Recording order of the first node of the body: no earlier one can depend on the inputs.
   */
  planBody(inputs: readonly LazyValue[], outputs: readonly LazyValue[], firstOrder: number): Subgraph {
    const bound = new Set(inputs);
    const captures: LazyValue[] = [];
    const isInside = bodyMembership(bound, outputs, firstOrder);
    const { key, nodes } = this.#walk(outputs, {
      base: ++this.#bodies * bodyNumberRange,
      first: inputs,
      isSource: ({ producer }) => producer === undefined || !isInside(producer),
      keySource: (value) => {
        if (bound.has(value)) {
          return this.#idOf(`<${value.type}:${value.shape.join()}`);
        }
        captures.push(value);
        return this.#idOf("^");
      },
    });
    return { inputs, outputs, nodes, captures, key };
  }

  #walk(outputs: readonly LazyValue[], { base, first = [], marked = [], isSource, keySource }: Walk) {
    const visit = ++this.#visit;
    const key = new NumberKey();
    const nodes: LazyNode[] = [];
    let count = 0;
    const assignNumber = (value: LazyValue) => {
      value.visit = visit;
      value.number = base + ++count;
    };
    // An explicit stack: the graph of several unread training steps is deeper than the call stack.
    const stack: LazyNode[] = [];
    const visitValue = (value: LazyValue): boolean => {
      if (value.visit === visit) {
        return true;
      }
      if (isSource(value)) {
        assignNumber(value);
        key.push(keySource(value));
        return true;
      }
      stack.push(value.producer!);
      return false;
    };

    first.forEach(visitValue);
    for (const output of outputs) {
      if (visitValue(output)) {
        continue;
      }
      while (stack.length > 0) {
        const node = stack[stack.length - 1]!;
        if (node.visit === visit) {
          stack.pop();
          continue;
        }
        const sources = sourcesOf(node);
        let ready = true;
        for (const source of sources) {
          if (source !== undefined && !visitValue(source)) {
            ready = false;
            break;
          }
        }
        if (!ready) {
          continue;
        }
        stack.pop();
        node.visit = visit;
        nodes.push(node);
        key.push(this.#idOf(node.signature));
        key.push(sources.length);
        for (const source of sources) {
          key.push(source === undefined ? 0 : source.number - base);
        }
        node.outputs.forEach(assignNumber);
      }
    }
    for (const list of marked.length === 0 ? [outputs] : [outputs, marked]) {
      key.push(this.#idOf(">"));
      key.push(list.length);
      for (const output of list) {
        key.push(output.number - base);
      }
    }
    return { key: key.text(), nodes };
  }

  /** A number for a part of a key: equal for equal text, and never used twice. */
  #idOf(part: string): number {
    let id = this.#ids.get(part);
    if (id === undefined) {
      // What is forgotten gets another number later: at worst a graph is compiled again.
      if (this.#ids.size === maxIds) {
        this.#ids.clear();
      }
      id = ++this.#lastId;
      this.#ids.set(part, id);
    }
    return id;
  }
}

/** A sequence of numbers from 0 to 2³² − 1 as text, two characters each: a key is as long as its graph. */
class NumberKey {
  #numbers = new Uint32Array(1024);
  #length = 0;

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const longer = new Uint32Array(2 * this.#length);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.#length++] = number;
  }

  text(): string {
    const characters = new Uint16Array(this.#numbers.buffer, 0, 2 * this.#length);
    let text = "";
    // A call takes so many arguments.
    for (let i = 0; i < characters.length; i += 8192) {
      text += String.fromCharCode(...characters.subarray(i, i + 8192));
    }
    return text;
  }
}

interface Walk {
  /** Added to every number that this walk assigns. */
  readonly base: number;
  /** Sources to number before all others, whether reached or not. */
  readonly first?: readonly LazyValue[];
  /** Outputs whose part the key tells too. */
  readonly marked?: readonly LazyValue[];
  /** Whether the walk stops at a value. */
  isSource(value: LazyValue): boolean;
  /** Called once for each source; returns its part of the key. */
  keySource(value: LazyValue): number;
}

/** Tells which nodes belong in a loop's body: those that depend on its inputs, and those that produce its outputs. */
function bodyMembership(bound: ReadonlySet<LazyValue>, outputs: readonly LazyValue[], firstOrder: number) {
  const known = new Map(outputs.map(({ producer }) => [producer!, true]));
  const isInside = (node: LazyNode): boolean => {
    let inside = known.get(node);
    if (inside === undefined) {
      const depends = (source: LazyValue | undefined) =>
        source !== undefined && (bound.has(source) || (source.producer !== undefined && isInside(source.producer)));
      inside = node.order >= firstOrder && sourcesOf(node).some(depends);
      known.set(node, inside);
    }
    return inside;
  };
  return isInside;
}

const products = new Set(["MatMul", "FusedMatMul", "Conv", "ConvTranspose"]);

/** A rough count of a plan's arithmetic: one operation an element, times the inner size for products. */
export function planWork(plan: Plan): number {
  return nodesWork(plan.nodes);
}

function nodesWork(nodes: readonly LazyNode[]): number {
  return nodes.reduce((sum, node) => sum + nodeWork(node), 0);
}

function nodeWork(node: LazyNode): number {
  if (node.body !== undefined) {
    // The last input of a scan has one slice for each step.
    return nodesWork(node.body.nodes) * (node.inputs.at(-1)!.shape[0] ?? 1);
  }
  const size = node.outputs.reduce((sum, output) => sum + output.size, 0);
  if (!products.has(node.op)) {
    return size;
  }
  const [first, second] = node.inputs;
  return size * Math.max(1, Math.round(second!.size / (first!.shape.at(-1) ?? 1)), first!.shape.at(-1) ?? 1);
}
