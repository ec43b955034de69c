import * as tf from "@tensorflow/tfjs-core";
import { nativeKernels } from "../kernels/index.js";
import { runKernel } from "../kernels/kernel.js";
import { OnnxBackend } from "./onnx-backend.js";
import type { OnnxBackendOptions } from "./options.js";

/** The name for `tf.setBackend`. */
export const backendName = "onnx";

/**
 * Registers the backend `"onnx"` with TensorFlow.js; activate it with `await tf.setBackend("onnx")`.
 *
 * A second call without options does nothing. With options it registers the backend again, and the tensors of the
 * earlier one can no longer be read.
 *
 * The backend is created by `tf.setBackend`. If that fails, because an option is wrong or no runtime can be loaded,
 * tfjs logs the `ConfigError` and `tf.setBackend` returns false.
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
    register(kernelName, (parameters) => runKernel(kernelName, undefined, parameters));
  }
}
