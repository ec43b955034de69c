import * as tf from "@tensorflow/tfjs-core";

/**
 * Runs the kernel `name` if the active backend has it registered.
 *
 * Call it inside `customGradient` only: these kernels have no gradients of their own.
 *
 * @returns The kernel's outputs, the caller's; `undefined` when the backend has no such kernel, or an input has no
 *   elements: then ordinary operations, which all backends have for empty tensors too, compute the empty result.
 */
export function runFusedKernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attributes: Record<string, unknown> = {},
): tf.Tensor[] | undefined {
  if (!tf.getKernel(name, tf.getBackend()) || Object.values(inputs).some(({ size }) => size === 0)) {
    return undefined;
  }
  const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap);
  return Array.isArray(outputs) ? outputs : [outputs];
}
