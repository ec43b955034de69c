import type { LazyNode } from "./lazy-value.js";
import type { Plan } from "./plan.js";

const products = new Set(["MatMul", "FusedMatMul", "Conv", "ConvTranspose"]);

/** A rough count of the arithmetic of a plan: one operation an element, and a product's inner length for each. */
export function planWork(plan: Plan): number {
  return nodesWork(plan.nodes);
}

function nodesWork(nodes: readonly LazyNode[]): number {
  return nodes.reduce((sum, node) => sum + nodeWork(node), 0);
}

function nodeWork(node: LazyNode): number {
  if (node.body !== null) {
    // A scan's last input has a slice for each step.
    return nodesWork(node.body.nodes) * (node.inputs.at(-1)!.shape[0] ?? 1);
  }
  const size = node.outputs.reduce((sum, output) => sum + output.size, 0);
  if (!products.has(node.op)) {
    return size;
  }
  const [first, second] = node.inputs;
  return size * Math.max(1, Math.round(second!.size / (first!.shape.at(-1) ?? 1)), first!.shape.at(-1) ?? 1);
}
