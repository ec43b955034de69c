import type { OnnxDevice } from "@mmgen/backend-onnx";
import { ConfigError, checkOneOf } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** TensorFlow.js backends that {@link selectBackend} can start, and `auto`. */
export const backendChoices = ["auto", "onnx", "tensorflow-gpu", "tensorflow", "webgpu", "wasm", "cpu"] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** Where backend onnx computes, and `auto`. */
export const onnxDevices = ["auto", "cpu", "cuda", "webgpu"] as const satisfies readonly OnnxDevice[];
export type { OnnxDevice };

/** Further options of {@link selectBackend}. */
export interface SelectBackendOptions {
  /** Whether ONNX Runtime captures steps of a device and replays them, which asks for ONNX Runtime. Default: false. */
  readonly replay?: boolean | undefined;
}

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
 * `auto` takes the first that can be had: `@tensorflow/tfjs-node-gpu` where it is installed and finds a GPU, ONNX
 * Runtime, `@tensorflow/tfjs-node` where it is installed, plain JavaScript.
 *
 * @param device - Where ONNX Runtime computes. `auto` takes CUDA where it starts, else the CPU; any other asks for ONNX
 *   Runtime. `cuda` takes the card of the process's rank where a launcher started several on this machine (`localDeviceId`
 *   of `@mmgen/backend-onnx`).
 * @returns One line that says which backend runs, where and why.
 * @throws a {@link ConfigError} when the backend cannot be had, with the command that installs it.
 */
export async function selectBackend(
  choice: BackendChoice,
  device: OnnxDevice = "auto",
  { replay = false }: SelectBackendOptions = {},
): Promise<string> {
  checkOneOf("backend", choice, backendChoices);
  if (device !== "auto" || replay || choice === "onnx") {
    checkOnnx(choice, device);
    return `onnx (${await activateOnnx(device, replay)})`;
  }
  if (choice !== "auto") {
    await activate(choice);
    return `${choice} (asked for)`;
  }
  if (await hasTensorflowGpu()) {
    await activate("tensorflow-gpu");
    return "tensorflow-gpu (@tensorflow/tfjs-node-gpu is installed and finds a GPU)";
  }
  try {
    return `onnx (${await activateOnnx(device)}; no tfjs-node-gpu with a GPU here)`;
  } catch (error) {
    const reason = `ONNX Runtime cannot be started here: ${firstLine(error)}`;
    try {
      await activate("tensorflow");
      return `tensorflow (@tensorflow/tfjs-node is installed; ${reason})`;
    } catch {
      await activate("cpu");
      return `cpu (plain JavaScript, slow: ${reason})`;
    }
  }
}

/**
 * Keeps the backend that the program has chosen, or starts ONNX Runtime where it has chosen none.
 *
 * @returns One line that says which backend runs, and whether this call started it.
 * @throws a {@link ConfigError} naming the packages to install where ONNX Runtime cannot be started, and where none of
 *   the backends that the program has registered can.
 */
export async function ensureBackend(): Promise<{ readonly line: string; readonly isNew: boolean }> {
  const chosen = tf.getBackend() as string | undefined;
  if (chosen) {
    return { line: `${chosen} (chosen by the program)`, isNew: false };
  }
  // Plain JavaScript comes along with other packages: it counts only where the program has set it.
  const registered = Object.keys(tf.engine().registryFactory).filter((name) => name !== "cpu");
  if (registered.length > 0) {
    await tf.ready();
    if (!registered.includes(tf.getBackend())) {
      throw new ConfigError(
        `The program has registered ${registered.join(" and ")}, which could not be started; TensorFlow.js's warning has ` +
          'the reason. Choose a backend before this call: await tf.setBackend("…").',
      );
    }
    return { line: `${tf.getBackend()} (registered by the program)`, isNew: false };
  }
  try {
    return { line: `onnx (${await activateOnnx("auto")})`, isNew: true };
  } catch (error) {
    throw new ConfigError(
      `No TensorFlow.js backend is chosen, and ONNX Runtime cannot be started: ${firstLine(error)}. ` +
        "Or choose another backend before this call: import @tensorflow/tfjs-backend-cpu (plain JavaScript, slow) and " +
        'await tf.setBackend("cpu").',
      { cause: error },
    );
  }
}

/** Checks that a device, or replay where none is named, is not asked of another backend than onnx. */
function checkOnnx(choice: BackendChoice, device: OnnxDevice): void {
  if (choice !== "auto" && choice !== "onnx") {
    const reason =
      device === "auto"
        ? `replay: backend ${choice} replays no graphs, backend onnx does`
        : `device: backend ${choice} has devices of its own; ${device} is one of backend onnx`;
    throw new ConfigError(`${reason}. Leave out one of the two.`);
  }
}

/** Starts ONNX Runtime on a device; says in one line where it computes. */
async function activateOnnx(device: OnnxDevice, replay = false): Promise<string> {
  try {
    const onnx = await import("@mmgen/backend-onnx");
    const deviceId = device === "cuda" ? onnx.localDeviceId() : undefined;
    const { line, options } = await onnx.chooseDevice(device, { deviceId, ...(replay && { replay }) });
    await onnx.useOnnx(options);
    return line;
  } catch (error) {
    throw cannotUse("onnx", error);
  }
}

async function activate(choice: Exclude<BackendChoice, "auto" | "onnx">): Promise<void> {
  const optional = optionalPackages[choice];
  try {
    if (optional === undefined) {
      // Brings plain JavaScript along, under the name "cpu".
      await import("@mmgen/backend-onnx");
    } else {
      await import(optional.module);
    }
    if (!(await tf.setBackend(optional?.backend ?? choice))) {
      throw new Error(`TensorFlow.js could not start "${choice}"`);
    }
  } catch (error) {
    throw cannotUse(choice, error);
  }
  if (choice === "tensorflow-gpu" && !usesGpu()) {
    throw new ConfigError(
      "Backend tensorflow-gpu cannot be used here: @tensorflow/tfjs-node-gpu finds no GPU. It needs Linux, an NVIDIA " +
        "driver, CUDA 11 and cuDNN 8. Without a GPU take onnx, or tensorflow for the same library on the CPU.",
    );
  }
}

function cannotUse(choice: Exclude<BackendChoice, "auto">, error: unknown): ConfigError {
  return new ConfigError(`Backend ${choice} cannot be used here: ${firstLine(error)}. ${remedyFor(choice)}`, {
    cause: error,
  });
}

/** What a user can do about a backend that does not start. */
function remedyFor(choice: Exclude<BackendChoice, "auto">): string {
  const optional = optionalPackages[choice];
  if (optional === undefined) {
    return "Or choose another backend.";
  }
  // TensorFlow.js's packages fit each other only at exactly one version.
  const wanted = `${optional.module}@${tf.version_core}`;
  if (optional.backend !== "tensorflow") {
    return `Install it with "npm install ${wanted}".`;
  }
  return (
    `Install it with "npm install --no-save --ignore-scripts=false ${wanted}": its install script downloads its native ` +
    "addon and libtensorflow from storage.googleapis.com. npm 12 also needs --dangerously-allow-all-scripts to run it."
  );
}

async function hasTensorflowGpu(): Promise<boolean> {
  try {
    await import(optionalPackages["tensorflow-gpu"]!.module);
    return usesGpu();
  } catch {
    return false;
  }
}

function usesGpu(): boolean {
  const backend = tf.findBackend("tensorflow") as { isUsingGpuDevice?: boolean } | null;
  return backend?.isUsingGpuDevice === true;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split("\n")[0]!
    .replace(/\.$/, "");
}
