import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** Set by `@mmgen/backend-onnx`, which brings the plain JavaScript backend along for the kernels that it lacks. */
const cpuComesAlong = Symbol.for("@mmgen/backend-onnx brings cpu along");

const remedy =
  'In Node: "npm install --ignore-scripts @mmgen/backend-onnx onnxruntime-node", then import { useOnnx } from ' +
  '"@mmgen/backend-onnx" and await useOnnx(). In a browser: install @tensorflow/tfjs-backend-webgl, import it and await ' +
  'tf.setBackend("webgl"). Everywhere, but a hundred times slower: @tensorflow/tfjs-backend-cpu and ' +
  'await tf.setBackend("cpu").';

/**
 * Checks that a TensorFlow.js backend runs, before anything is computed on it.
 *
 * Plain JavaScript that nobody asked for does not count: where it only came along with `@mmgen/backend-onnx`, a program
 * forgot to start that one.
 *
 * @throws a {@link ConfigError} that names the packages to install and import.
 */
export function requireBackend(): void {
  if (!tf.getBackend()) {
    const registered = Object.keys(tf.engine().registryFactory);
    if (registered.length === 0) {
      throw new ConfigError(`No TensorFlow.js backend is registered. ${remedy}`);
    }
    if (registered.join() === "cpu" && cpuComesAlong in globalThis) {
      throw new ConfigError(`No TensorFlow.js backend was started: @mmgen/backend-onnx is only imported. ${remedy}`);
    }
  }
  try {
    tf.backend();
  } catch (cause) {
    throw new ConfigError(
      `No TensorFlow.js backend is ready: ${cause instanceof Error ? cause.message : cause} ` +
        'Wait for it with await tf.ready(), or choose one: await tf.setBackend("…").',
      { cause },
    );
  }
}
