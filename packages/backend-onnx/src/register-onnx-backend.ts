import * as tf from "@tensorflow/tfjs-core";
import { nativeKernels } from "./kernels/index.js";
import { OnnxBackend } from "./onnx-backend.js";
import type { OnnxBackendOptions } from "./options.js";
import { runKernel } from "./run-kernel.js";

/** The name to give `tf.setBackend`. */
export const backendName = "onnx";

/**
 * Makes the backend `"onnx"` known to TensorFlow.js; then `await tf.setBackend("onnx")`.
 *
 * Calling it again changes nothing, unless it is given options: then the backend is registered anew with them, and
 * tensors of the earlier one are lost.
 *
 * @throws a `ConfigError` from `tf.setBackend`'s log when no runtime can be loaded.
 */
export function registerOnnxBackend(options?: OnnxBackendOptions): void {
  if (tf.engine().findBackendFactory(backendName) !== null) {
    if (options === undefined) {
      return;
    }
    tf.removeBackend(backendName);
  }
  tf.registerBackend(backendName, () => new OnnxBackend(options), options?.priority ?? 2);
  registerKernels();
}

function registerKernels(): void {
  const register = (kernelName: string, kernelFunc: tf.KernelFunc) => {
    if (tf.getKernel(kernelName, backendName) === undefined) {
      tf.registerKernel({ kernelName, backendName, kernelFunc });
    }
  };
  for (const definition of nativeKernels) {
    register(definition.name, (parameters) => runKernel(definition.name, definition, parameters));
  }
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    register(kernelName, (parameters) => runKernel(kernelName, null, parameters));
  }
}
