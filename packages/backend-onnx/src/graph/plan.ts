import { type LazyNode, type LazyValue, type Subgraph, sourcesOf } from "./lazy-value.js";

/** The part of the recorded graph that some outputs need, in the order it can run, with its structural key. */
export interface Plan {
  /** Equal exactly for graphs of equal structure: operators, attributes, shapes, types, wiring, outputs; never values. */
  readonly key: string;
  readonly nodes: readonly LazyNode[];
  /** Values that are fed in, in the order met. */
  readonly feeds: readonly LazyValue[];
  /** Values baked into the model. */
  readonly constants: readonly LazyValue[];
  readonly outputs: readonly LazyValue[];
}

/** Values of subgraphs are numbered from multiples of this, so that no two in one model share a name. */
const numbersOfBody = 2 ** 24;

/** Numbers traversals, so that marks left on nodes by earlier ones need no clearing. */
export class Planner {
  #visit = 0;
  #bodies = 0;

  /**
   * Walks the graph back from `outputs` and numbers every value met, in an order that only structure decides.
   *
   * @param outputs - values with a producer.
   * @param placeholders - values to feed although they have no elements yet.
   */
  plan(outputs: readonly LazyValue[], placeholders?: ReadonlySet<LazyValue>): Plan {
    const feeds: LazyValue[] = [];
    const constants: LazyValue[] = [];
    const { key, nodes } = this.#walk(outputs, {
      base: 0,
      isSource: (value) => value.producer === null || placeholders?.has(value) === true,
      meetSource(value) {
        if (value.constantKey !== null) {
          constants.push(value);
          return `#${value.constantKey}`;
        }
        if (value.failure !== null) {
          throw value.failure;
        }
        if (value.resident === null && !placeholders?.has(value)) {
          throw new Error("A recorded value has neither elements nor a producer.");
        }
        feeds.push(value);
        return `<${value.type}:${value.shape.join()}`;
      },
    });
    return { key, nodes, feeds, constants, outputs };
  }

  /**
   * The same for what a loop repeats. What does not depend on its inputs stays in the graph around, and is computed once.
   *
   * @param inputs - values that the loop binds.
   * @param outputs - values with a producer, no two the same.
   * @param first - number of the body's first node: none recorded before it can depend on the inputs.
   */
  planBody(inputs: readonly LazyValue[], outputs: readonly LazyValue[], first: number): Subgraph {
    const bound = new Set(inputs);
    const captures: LazyValue[] = [];
    const isInside = insideOf(bound, outputs, first);
    const { key, nodes } = this.#walk(outputs, {
      base: ++this.#bodies * numbersOfBody,
      first: inputs,
      isSource: ({ producer }) => producer === null || !isInside(producer),
      meetSource(value) {
        if (bound.has(value)) {
          return `<${value.type}:${value.shape.join()}`;
        }
        captures.push(value);
        return "^";
      },
    });
    return { inputs, outputs, nodes, captures, key };
  }

  #walk(outputs: readonly LazyValue[], { base, first = [], isSource, meetSource }: Walk) {
    const visit = ++this.#visit;
    const key: string[] = [];
    const nodes: LazyNode[] = [];
    let count = 0;
    const meet = (value: LazyValue) => {
      value.visit = visit;
      value.number = base + ++count;
    };
    // An explicit stack: graphs of several unread training steps are deeper than the call stack.
    const stack: LazyNode[] = [];
    const visitValue = (value: LazyValue): boolean => {
      if (value.visit === visit) {
        return true;
      }
      if (isSource(value)) {
        meet(value);
        key.push(meetSource(value));
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
          if (source !== null && !visitValue(source)) {
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
        key.push("|", node.signature);
        for (const source of sources) {
          key.push(",", source === null ? "" : String(source.number - base));
        }
        node.outputs.forEach(meet);
      }
    }
    key.push(">");
    for (const output of outputs) {
      key.push(",", String(output.number - base));
    }
    return { key: key.join(""), nodes };
  }
}

interface Walk {
  /** Added to every number that this walk gives. */
  readonly base: number;
  /** Sources to number before all others, met or not. */
  readonly first?: readonly LazyValue[];
  /** Where the walk ends. */
  isSource(value: LazyValue): boolean;
  /** Is shown each source once, and gives its part of the key. */
  meetSource(value: LazyValue): string;
}

/** Which nodes belong in a loop's body: those that depend on what it binds, and those that make its outputs. */
function insideOf(bound: ReadonlySet<LazyValue>, outputs: readonly LazyValue[], first: number) {
  const known = new Map(outputs.map(({ producer }) => [producer!, true]));
  const isInside = (node: LazyNode): boolean => {
    let inside = known.get(node);
    if (inside === undefined) {
      const depends = (source: LazyValue | null) =>
        source !== null && (bound.has(source) || (source.producer !== null && isInside(source.producer)));
      inside = node.order >= first && sourcesOf(node).some(depends);
      known.set(node, inside);
    }
    return inside;
  };
  return isInside;
}
