import { type LazyNode, type LazyValue, sourcesOf } from "./lazy-value.js";
import { nodeName } from "./onnx-model.js";
import type { Plan } from "./plan.js";

/**
 * Which of some values cannot be computed after a failure: those that depend on a value that failed earlier, or on the
 * node that ONNX Runtime names in its message. Where it names none, all of them.
 *
 * @param plan - the plan that failed, or null where planning already did.
 */
export function lostValues(outputs: readonly LazyValue[], plan: Plan | null, error: Error): ReadonlySet<LazyValue> {
  const culprit = plan === null ? null : failingNode(plan, messages(error));
  const lost = new Set(dependents(outputs, culprit));
  return lost.size > 0 ? lost : new Set(outputs);
}

/** The node of a plan that a message of ONNX Runtime names. */
export function failingNode(plan: Plan, message: string): LazyNode | null {
  return plan.nodes.find((node) => new RegExp(`\\b${nodeName(node)}(?!\\d)`).test(message)) ?? null;
}

function messages(error: Error): string {
  return error.cause instanceof Error ? `${error.message} ${messages(error.cause)}` : error.message;
}

function dependents(outputs: readonly LazyValue[], culprit: LazyNode | null): LazyValue[] {
  const known = new Map<LazyValue, boolean>();
  const depends = (output: LazyValue): boolean => {
    // An explicit stack: a graph can be deeper than the call stack.
    const stack = [output];
    while (stack.length > 0) {
      const value = stack[stack.length - 1]!;
      const inputs = (value.producer === null ? [] : sourcesOf(value.producer)).filter((input) => input !== null);
      const unknown = known.has(value) ? [] : inputs.filter((input) => !known.has(input));
      if (unknown.length > 0) {
        stack.push(...unknown);
        continue;
      }
      stack.pop();
      const lost = value.failure !== null || (culprit !== null && value.producer === culprit);
      known.set(value, known.get(value) ?? (lost || inputs.some((input) => known.get(input))));
    }
    return known.get(output)!;
  };
  return outputs.filter(depends);
}
