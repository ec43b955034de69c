import type { LazyNode, LazyValue } from "./lazy-value.js";

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

/** Numbers traversals, so that marks left on nodes by earlier ones need no clearing. */
export class Planner {
  #visit = 0;

  /**
   * Walks the graph back from `outputs` and numbers every value met, in an order that only structure decides.
   *
   * @param outputs - values with a producer.
   * @param placeholders - values to feed although they have no elements yet.
   */
  plan(outputs: readonly LazyValue[], placeholders?: ReadonlySet<LazyValue>): Plan {
    const visit = ++this.#visit;
    const key: string[] = [];
    const nodes: LazyNode[] = [];
    const feeds: LazyValue[] = [];
    const constants: LazyValue[] = [];
    let count = 0;

    const meetSource = (value: LazyValue) => {
      value.visit = visit;
      value.number = ++count;
      if (value.constantKey !== null) {
        constants.push(value);
        key.push("#", value.constantKey);
        return;
      }
      if (value.failure !== null) {
        throw value.failure;
      }
      if (value.resident === null && !placeholders?.has(value)) {
        throw new Error("A recorded value has neither elements nor a producer.");
      }
      feeds.push(value);
      key.push("<", value.type, ":", value.shape.join());
    };

    // An explicit stack: graphs of several unread training steps are deeper than the call stack.
    const stack: LazyNode[] = [];
    const visitValue = (value: LazyValue): boolean => {
      if (value.visit === visit) {
        return true;
      }
      const producer = value.producer;
      if (producer === null || placeholders?.has(value)) {
        meetSource(value);
        return true;
      }
      stack.push(producer);
      return false;
    };

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
        let ready = true;
        for (const input of node.inputs) {
          if (input !== null && !visitValue(input)) {
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
        for (const input of node.inputs) {
          key.push(",", input === null ? "" : String(input.number));
        }
        for (const value of node.outputs) {
          value.visit = visit;
          value.number = ++count;
        }
      }
    }
    key.push(">");
    for (const output of outputs) {
      key.push(",", String(output.number));
    }
    return { key: key.join(""), nodes, feeds, constants, outputs };
  }
}
