import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** What `--backend` takes. */
export const backendChoices = ["auto", "onnx", "tensorflow-gpu", "tensorflow", "webgpu", "wasm", "cpu"] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** Packages that only their users install, so that nothing here depends on them. */
const optionalPackages = {
  "tensorflow-gpu": { module: "@tensorflow/tfjs-node-gpu", backend: "tensorflow" },
  tensorflow: { module: "@tensorflow/tfjs-node", backend: "tensorflow" },
  webgpu: { module: "@tensorflow/tfjs-backend-webgpu", backend: "webgpu" },
  wasm: { module: "@tensorflow/tfjs-backend-wasm", backend: "wasm" },
} as const;

/**
 * As {@link selectBackend}, for a run that trains.
 *
 * @throws a {@link ConfigError} also for a backend that lacks gradients, before anything is computed.
 */
export async function selectTrainingBackend(choice: BackendChoice): Promise<string> {
  if (choice === "wasm") {
    throw new ConfigError(
      "Backend wasm cannot train: it lacks the gradients of convolutions and embeddings. " +
        "Train with another, for instance --backend onnx; to generate, wasm will do.",
    );
  }
  return selectBackend(choice);
}

/**
 * Registers and selects a TensorFlow.js backend.
 *
 * `auto` takes `@tensorflow/tfjs-node-gpu` where it is installed and reports a GPU, else ONNX Runtime, else plain JavaScript.
 *
 * @returns One line that says which backend runs and why.
 * @throws a {@link ConfigError} when the asked backend cannot be had, with the command that installs it.
 */
export async function selectBackend(choice: BackendChoice): Promise<string> {
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

async function activate(choice: Exclude<BackendChoice, "auto">): Promise<void> {
  const name = choice in optionalPackages ? optionalPackages[choice as keyof typeof optionalPackages].backend : choice;
  try {
    if (choice === "onnx") {
      const { registerOnnxBackend } = await import("@mmgen/backend-onnx");
      registerOnnxBackend();
    } else if (choice === "cpu") {
      await import("@tensorflow/tfjs-backend-cpu");
    } else {
      await import(optionalPackages[choice].module);
    }
    if (!(await tf.setBackend(name))) {
      throw new Error(`TensorFlow.js could not start "${name}"`);
    }
    await tf.ready();
  } catch (error) {
    const install =
      choice in optionalPackages ? optionalPackages[choice as keyof typeof optionalPackages].module : null;
    const remedy =
      install === null
        ? "Choose another with --backend."
        : `Install it with "npm install ${install}@${tf.version_core}".`;
    throw new ConfigError(`Backend ${choice} cannot be used here: ${firstLine(error)}. ${remedy}`, { cause: error });
  }
}

async function hasTensorflowGpu(): Promise<boolean> {
  const module: string = optionalPackages["tensorflow-gpu"].module;
  try {
    await import(module);
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
