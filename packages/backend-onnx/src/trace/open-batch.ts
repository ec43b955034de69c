import { ConfigError } from "@mmgen/core";
import { attributesKey, type LazyValue, sourcesOf } from "../graph/lazy-value.js";
import type { Plan } from "../graph/plan.js";
import type { HostArray } from "../runtime/element-type.js";

/** A function recorded with one size for its open batch. */
export interface BatchRecording {
  readonly plan: Plan;
  /** The inputs of the function, which are fed when the model runs. */
  readonly inputs: ReadonlySet<LazyValue>;
}

/**
 * Compares the recordings of one function with two batch sizes: what differs depends on the batch.
 *
 * @param batch - Describes the open size in messages.
 * @returns the targets of reshapes, with −1, which ONNX infers, in place of the batch's size.
 * @throws `ConfigError` when anything else differs: operators, their attributes, constants, or tensors made from the size.
 */
export async function openBatchConstants(
  recording: BatchRecording,
  twin: BatchRecording,
  batch: string,
): Promise<Map<LazyValue, HostArray>> {
  const opened = new Map<LazyValue, HostArray>();
  const refuse = (op: string): never => {
    throw new ConfigError(
      `exportOnnx: expected ${batch} to stay open, but the operator ${op} of this function takes numbers that depend on ` +
        "it, such as x.shape[0]. Compute them from tensors, for instance with tf.mean instead of a sum divided by the " +
        "size, or pass a number as the size.",
    );
  };
  for (const [i, node] of recording.plan.nodes.entries()) {
    const other = twin.plan.nodes[i];
    const isSame =
      node.op === other?.op &&
      attributesKey(node.attributes) === attributesKey(other.attributes) &&
      node.body?.key === other.body?.key;
    if (!isSame) {
      return refuse(node.op);
    }
    const twinSources = sourcesOf(other);
    for (const [at, input] of sourcesOf(node).entries()) {
      const twinInput = twinSources[at];
      if (input === twinInput) {
        continue;
      }
      if (input === undefined || twinInput === undefined || input.number !== twinInput.number) {
        return refuse(node.op);
      }
      const isTarget = node.op === "Reshape" && at === 1;
      const target = isTarget ? openedTarget(input, twinInput) : undefined;
      if (target !== undefined) {
        opened.set(input, target);
      } else if (!(await haveSameElements(input, twinInput, recording.inputs))) {
        return refuse(node.op);
      }
    }
  }
  return opened;
}

/** The target of a reshape with −1 in its only place that differs from the twin's; undefined if there is no such place. */
function openedTarget(target: LazyValue, twin: LazyValue): HostArray | undefined {
  const [values, others] = [target.resident!.host!, twin.resident!.host!];
  const differing = Array.from(values.keys()).filter((place) => values[place] !== others[place]);
  return values.length === others.length && differing.length === 1
    ? (values as BigInt64Array).with(differing[0]!, -1n)
    : undefined;
}

/** Whether two sources hold the same numbers; inputs and computed values, which hold none yet, do. */
async function haveSameElements(a: LazyValue, b: LazyValue, inputs: ReadonlySet<LazyValue>): Promise<boolean> {
  if (inputs.has(a) || a.producer !== undefined || b.producer !== undefined) {
    return (a.producer === undefined) === (b.producer === undefined);
  }
  if (a.constantKey !== undefined && a.constantKey === b.constantKey) {
    return true;
  }
  if (a.type !== b.type || a.shape.join() !== b.shape.join() || a.resident === b.resident) {
    return a.resident === b.resident;
  }
  const [values, others] = await Promise.all([a, b].map(({ resident }) => resident!.host ?? resident!.download()));
  return values!.every((value: number | bigint, i: number) => Object.is(value, others![i]));
}
