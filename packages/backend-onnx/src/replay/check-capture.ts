import { KernelError } from "@mmgen/core";
import { providerName, type SessionOptions } from "../runtime/runtime.js";

/**
 * Checks that a graph may be captured.
 *
 * @param tensors - Its feeds and outputs.
 * @throws KernelError with the reason why not.
 */
export function checkCapture(options: SessionOptions, tensors: readonly { readonly type: string }[]): void {
  const { captureLimit, executionProviders } = options;
  if (captureLimit !== undefined) {
    throw new KernelError(captureLimit);
  }
  const moved = tensors.find(({ type }) => type !== "float32" && type !== "int32");
  if (providerName(executionProviders[0]!) === "webgpu" && moved !== undefined) {
    throw new KernelError(`WebGPU has no buffers for ${moved.type} tensors, and the graph has one of them outside`);
  }
}
