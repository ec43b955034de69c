import { blockDomain } from "./block-builder.js";
import type { LazyNode, LazyValue } from "./lazy-value.js";
import type { Plan } from "./plan.js";
import { sameShape } from "./shape-builder.js";

/**
 * Joins convolutions in blocks with what follows them: a sum becomes the convolution's summand, a ReLU its activation,
 * where nothing else reads the results in between.
 *
 * @returns the nodes of the plan, in topological order.
 */
export function fuseNodes({ nodes, outputs }: Plan): readonly LazyNode[] {
  if (!nodes.some(isPlainConvolution)) {
    return nodes;
  }
  const uses = new Map<LazyValue, number>();
  const use = (value: LazyValue | undefined) => value && uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of nodes) {
    node.inputs.forEach(use);
    // What a loop's body reads stays as it is.
    for (const captured of node.body?.captures ?? []) {
      use(captured);
      use(captured);
    }
  }
  for (const output of outputs) {
    use(output);
    use(output);
  }
  const producers = new Map<LazyValue, LazyNode>();
  const removed = new Set<LazyNode>();
  const isFree = (value: LazyValue) => uses.get(value) === 1 && producers.has(value);
  const fused = nodes.map((node) => {
    const joined = withSum(node, producers, isFree) ?? withActivation(node, producers, isFree);
    if (joined !== undefined) {
      removed.add(joined.earlier);
    }
    const result = joined?.node ?? node;
    for (const output of result.outputs) {
      producers.set(output, result);
    }
    return result;
  });
  return fused.filter((node) => !removed.has(node));
}

interface Joined {
  readonly node: LazyNode;
  /** The convolution that it replaces. */
  readonly earlier: LazyNode;
}

type Producers = ReadonlyMap<LazyValue, LazyNode>;

/** A sum of a convolution and another value of which nothing else needs either: it is added up in that value's memory. */
function withSum(node: LazyNode, producers: Producers, isFree: (value: LazyValue) => boolean): Joined | undefined {
  const [a, b] = node.inputs;
  if (node.op !== "Add" || a === undefined || b === undefined || a === b || !sameShape(a.shape, b.shape)) {
    return undefined;
  }
  for (const [value, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const earlier = isFree(value) && isFree(other) ? producers.get(value) : undefined;
    if (earlier !== undefined && isPlainConvolution(earlier)) {
      const [image, filter, bias] = earlier.inputs;
      return { earlier, node: { ...earlier, inputs: [image, filter, bias, other], outputs: node.outputs } };
    }
  }
  return undefined;
}

function withActivation(
  node: LazyNode,
  producers: Producers,
  isFree: (value: LazyValue) => boolean,
): Joined | undefined {
  const [input] = node.inputs;
  const earlier = node.op === "Relu" && input !== undefined && isFree(input) ? producers.get(input) : undefined;
  if (earlier === undefined || !isConvolution(earlier) || earlier.attributes?.activation !== undefined) {
    return undefined;
  }
  const attributes = { ...earlier.attributes, activation: "Relu" };
  return { earlier, node: { ...earlier, attributes, outputs: node.outputs } };
}

function isConvolution({ op, domain }: LazyNode): boolean {
  return op === "Conv" && domain === blockDomain;
}

/** A convolution without summand and activation. */
function isPlainConvolution(node: LazyNode): boolean {
  return isConvolution(node) && node.inputs.length < 4 && node.attributes?.activation === undefined;
}
