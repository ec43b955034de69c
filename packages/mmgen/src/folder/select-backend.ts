import { ConfigError, checkOneOf } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** TensorFlow.js backends that {@link selectBackend} can start, and `auto`. */
export const backendChoices = ["auto", "onnx", "tensorflow-gpu", "tensorflow", "webgpu", "wasm", "cpu"] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** Packages that only their users install, so that nothing here depends on them. */
const optionalPackages: Partial<Record<BackendChoice, { readonly module: string; readonly backend: string }>> = {
  "tensorflow-gpu": { module: "@tensorflow/tfjs-node-gpu", backend: "tensorflow" },
  tensorflow: { module: "@tensorflow/tfjs-node", backend: "tensorflow" },
  webgpu: { module: "@tensorflow/tfjs-backend-webgpu", backend: "webgpu" },
  wasm: { module: "@tensorflow/tfjs-backend-wasm", backend: "wasm" },
};

/**
 * Registers and selects a TensorFlow.js backend.
 *
 * `auto` takes `@tensorflow/tfjs-node-gpu` where it is installed and reports a GPU, else ONNX Runtime, else plain
 * JavaScript.
 *
 * @returns One line that says which backend runs and why.
 * @throws a {@link ConfigError} when the backend cannot be had, with the command that installs it.
 */
export async function selectBackend(choice: BackendChoice): Promise<string> {
  checkOneOf("backend", choice, backendChoices);
  if (choice !== "auto") {
    await activate(choice);
    return `${choice} (asked for)`;
  }
  if (await hasTensorflowGpu()) {
    await activate("tensorflow-gpu");
    return "tensorflow-gpu (@tensorflow/tfjs-node-gpu is installed and reports a GPU)";
  }
  try {
    await activate("onnx");
    return "onnx (ONNX Runtime on the CPU; no tfjs-node-gpu with a GPU here)";
  } catch (error) {
    await activate("cpu");
    return `cpu (plain JavaScript, slow: ONNX Runtime cannot be loaded here: ${firstLine(error)})`;
  }
}

/**
 * As {@link selectBackend}, for a run that trains.
 *
 * @throws a {@link ConfigError} also for a backend that lacks gradients, before anything is computed.
 */
export async function selectTrainingBackend(choice: BackendChoice): Promise<string> {
  if (choice === "wasm") {
    throw new ConfigError(
      "Backend wasm cannot train: it lacks the gradients of convolutions and embeddings. " +
        "Train with another, for instance onnx; to generate, wasm will do.",
    );
  }
  return selectBackend(choice);
}

/**
 * Keeps the backend that the program has chosen, or starts ONNX Runtime where it has chosen none.
 *
 * @returns One line that says which backend runs, and whether this call started it.
 * @throws a {@link ConfigError} naming the packages to install where ONNX Runtime cannot be loaded.
 */
export async function ensureBackend(): Promise<{ readonly line: string; readonly isNew: boolean }> {
  const chosen = tf.getBackend() as string | undefined;
  if (chosen) {
    return { line: `${chosen} (chosen by the program)`, isNew: false };
  }
  // Plain JavaScript comes along with other packages: it counts only where the program has set it.
  if (Object.keys(tf.engine().registryFactory).some((name) => name !== "cpu")) {
    await tf.ready();
    return { line: `${tf.getBackend()} (registered by the program)`, isNew: false };
  }
  try {
    await activate("onnx");
  } catch (error) {
    throw new ConfigError(
      `No TensorFlow.js backend is chosen, and ONNX Runtime cannot be started: ${firstLine(error)}. ` +
        'Install it with "npm install onnxruntime-node", or choose another backend before this call: import @tensorflow/tfjs-backend-cpu (plain JavaScript, slow) and await tf.setBackend("cpu").',
      { cause: error },
    );
  }
  return { line: "onnx (ONNX Runtime on the CPU)", isNew: true };
}

async function activate(choice: Exclude<BackendChoice, "auto">): Promise<void> {
  const optional = optionalPackages[choice];
  try {
    if (optional !== undefined) {
      await import(optional.module);
    } else {
      // Brings plain JavaScript along, under the name "cpu".
      const { registerOnnxBackend } = await import("@mmgen/backend-onnx");
      if (choice === "onnx") {
        registerOnnxBackend();
      }
    }
    if (!(await tf.setBackend(optional?.backend ?? choice))) {
      throw new Error(`TensorFlow.js could not start "${choice}"`);
    }
    await tf.ready();
  } catch (error) {
    const remedy =
      optional === undefined
        ? "Choose another backend."
        : `Install it with "npm install ${optional.module}@${tf.version_core}".`;
    throw new ConfigError(`Backend ${choice} cannot be used here: ${firstLine(error)}. ${remedy}`, { cause: error });
  }
}

async function hasTensorflowGpu(): Promise<boolean> {
  try {
    await import(optionalPackages["tensorflow-gpu"]!.module);
    const backend = tf.findBackend("tensorflow") as { isUsingGpuDevice?: boolean } | null;
    return backend?.isUsingGpuDevice === true;
  } catch {
    return false;
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split("\n")[0]!
    .replace(/\.$/, "");
}
