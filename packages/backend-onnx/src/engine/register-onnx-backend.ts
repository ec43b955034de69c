import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { nativeKernels } from "../kernels/index.js";
import { runKernel } from "../kernels/kernel.js";
import { type ChooseDeviceOptions, chooseDevice, type OnnxDevice } from "./choose-device.js";
import { OnnxBackend } from "./onnx-backend.js";
import type { OnnxBackendOptions } from "./options.js";

/** Options of {@link useOnnx}; all have defaults. */
export interface UseOnnxOptions extends ChooseDeviceOptions {
  /** Where graphs run, see {@link chooseDevice}. Default: what `executionProviders` says. */
  readonly device?: OnnxDevice;
}

/** The name for `tf.setBackend`. */
export const backendName = "onnx";

/**
 * Starts the backend `"onnx"` and makes it the one that TensorFlow.js uses.
 *
 * A second call without options keeps the backend that runs. With options it starts another, and the tensors of the
 * earlier one can no longer be read.
 *
 * ```ts
 * await useOnnx(); // or await useOnnx({ device: "auto", intraOpNumThreads: 2 })
 * ```
 *
 * @param options - See {@link UseOnnxOptions}; all have defaults.
 * @returns The backend, which TensorFlow.js owns.
 * @throws `ConfigError` when an option is unknown or out of range, when onnxruntime-node is not installed or cannot be
 *   loaded, and when an execution provider cannot start. The backend that was active then stays active.
 */
export async function useOnnx(options?: UseOnnxOptions): Promise<OnnxBackend> {
  if (options !== undefined || !isRegistered()) {
    const chosen = await withDevice(options);
    const backend = new OnnxBackend(chosen);
    await backend.executor.start();
    register(backend, chosen);
  }
  if (!(await tf.setBackend(backendName))) {
    throw new ConfigError(
      "TensorFlow.js could not start the backend onnx; its warning above has the reason. Call useOnnx with options, " +
        "useOnnx({}), to start another.",
    );
  }
  return tf.backend() as OnnxBackend;
}

async function withDevice(options: UseOnnxOptions | undefined): Promise<OnnxBackendOptions | undefined> {
  if (!options || (options.device === undefined && options.deviceId === undefined)) {
    return options;
  }
  const { device, ...others } = options;
  if (device === undefined) {
    throw new ConfigError('deviceId: expected a device beside it, got none. Give device: "cuda" too.');
  }
  return (await chooseDevice(device, others)).options;
}

/**
 * Registers the backend `"onnx"` with TensorFlow.js; `await tf.setBackend("onnx")` activates it. {@link useOnnx} does
 * both, and waits until the backend has started.
 *
 * A second call without options does nothing. With options it registers the backend again, and the tensors of the
 * earlier one can no longer be read.
 *
 * @throws `ConfigError` when an option is unknown or out of range, when onnxruntime-node is not installed or cannot be
 *   loaded, and when it cannot start an execution provider.
 */
export function registerOnnxBackend(options?: OnnxBackendOptions): void {
  if (options !== undefined || !isRegistered()) {
    register(new OnnxBackend(options), options);
  }
}

function isRegistered(): boolean {
  return tf.engine().findBackendFactory(backendName) !== null;
}

/** @param first - Taken when TensorFlow.js first asks for the backend; after a reset of its engine it asks again. */
function register(first: OnnxBackend, options: OnnxBackendOptions | undefined): void {
  if (isRegistered()) {
    tf.removeBackend(backendName);
  }
  let unused: OnnxBackend | undefined = first;
  const create = () => {
    const backend = unused ?? new OnnxBackend(options);
    unused = undefined;
    return backend;
  };
  tf.registerBackend(backendName, create, options?.priority ?? 2);
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
