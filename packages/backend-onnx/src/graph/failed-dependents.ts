import { type LazyNode, type LazyValue, sourcesOf } from "./lazy-value.js";
import { nodeName } from "./onnx-model.js";
import type { Plan } from "./plan.js";

/**
 * The outputs that cannot be computed after a failure: those that depend on a value that failed earlier, or on the node
 * that ONNX Runtime's message names. All of them where it names none.
 *
 * @param plan - The plan that failed; undefined if planning itself failed.
 */
export function failedDependents(
  outputs: readonly LazyValue[],
  plan: Plan | undefined,
  error: Error,
): ReadonlySet<LazyValue> {
  const node = plan === undefined ? undefined : failingNode(plan, allMessages(error));
  const failed = new Set(dependents(outputs, node));
  return failed.size > 0 ? failed : new Set(outputs);
}

/** The node of a plan that a message of ONNX Runtime names. */
export function failingNode(plan: Plan, message: string): LazyNode | undefined {
  return plan.nodes.find((node) => new RegExp(`\\b${nodeName(node)}(?!\\d)`).test(message));
}

/** The messages of an error and of its causes. */
function allMessages(error: Error): string {
  return error.cause instanceof Error ? `${error.message} ${allMessages(error.cause)}` : error.message;
}

/** Those of some values that depend on one that failed earlier, or on a node. */
export function dependents(outputs: readonly LazyValue[], failing?: LazyNode): LazyValue[] {
  const known = new Map<LazyValue, boolean>();
  const depends = (output: LazyValue): boolean => {
    // An explicit stack: a graph can be deeper than the call stack.
    const stack = [output];
    while (stack.length > 0) {
      const value = stack[stack.length - 1]!;
      const sources = value.producer === undefined ? [] : sourcesOf(value.producer);
      const inputs = sources.filter((input) => input !== undefined);
      const unknown = known.has(value) ? [] : inputs.filter((input) => !known.has(input));
      if (unknown.length > 0) {
        // One by one: an operation may have more inputs than a call takes arguments.
        for (const input of unknown) {
          stack.push(input);
        }
        continue;
      }
      stack.pop();
      const failed = value.failure !== undefined || (failing !== undefined && value.producer === failing);
      known.set(value, known.get(value) ?? (failed || inputs.some((input) => known.get(input))));
    }
    return known.get(output)!;
  };
  return outputs.filter(depends);
}
