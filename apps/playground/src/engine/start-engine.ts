import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import plain from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm";
import simd from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm";
import threaded from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { measureSpeed } from "./measure-speed.js";

/** What can compute; `auto` is the first of {@link preferred} that starts. */
export const engineChoices = ["auto", "webgpu", "onnx", "wasm", "cpu"] as const;
export type EngineChoice = (typeof engineChoices)[number];
export type EngineName = Exclude<EngineChoice, "auto">;

/** What an engine is to do: `generate` are many small steps, `train` few large ones. */
export type EnginePurpose = "generate" | "train";

/**
 * Engines by purpose, best first. ONNX Runtime runs a training step as one graph, several times as fast as kernel by kernel,
 * but takes seconds to start; small steps are as fast on TensorFlow.js's WebAssembly, which is there at once.
 */
const preferred: Readonly<Record<EnginePurpose, readonly EngineName[]>> = {
  generate: ["wasm", "cpu"],
  train: ["webgpu", "onnx", "wasm", "cpu"],
};

/** The engine that computes. */
export interface EngineInfo {
  readonly name: EngineName;
  /** As the page calls it. */
  readonly title: string;
  /** Billions of multiplications and additions a second, in small products as these models have them; measured. */
  readonly gigaflops: number;
  /** Why one that was preferred does not run, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Starts an engine as TensorFlow.js's backend.
 *
 * @throws the reason why the engine that was asked for does not start; with `auto` there is always one.
 */
export async function startEngine(choice: EngineChoice, purpose: EnginePurpose): Promise<EngineInfo> {
  if (!engineChoices.includes(choice)) {
    throw new Error(`There is no engine "${choice}"; there are ${engineChoices.join(", ")}.`);
  }
  const notes: string[] = [];
  for (const name of choice === "auto" ? preferred[purpose] : [choice]) {
    try {
      const title = await starters[name]();
      return { name, title, gigaflops: await measureSpeed(), notes };
    } catch (error) {
      if (choice !== "auto") {
        throw error;
      }
      notes.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`No engine starts in this browser: ${notes.join(" ")}`);
}

const starters: Readonly<Record<EngineName, () => Promise<string>>> = {
  async webgpu() {
    const { startOnnx } = await import("./start-onnx.js");
    return startOnnx("webgpu");
  },
  async onnx() {
    const { startOnnx } = await import("./start-onnx.js");
    return startOnnx("wasm");
  },
  async wasm() {
    const { href } = location;
    setWasmPaths({
      "tfjs-backend-wasm.wasm": new URL(plain, href).href,
      "tfjs-backend-wasm-simd.wasm": new URL(simd, href).href,
      "tfjs-backend-wasm-threaded-simd.wasm": new URL(threaded, href).href,
    });
    await use("wasm", "This browser has no WebAssembly.");
    return "WebAssembly";
  },
  async cpu() {
    await use("cpu", "TensorFlow.js does not start.");
    return "plain JavaScript";
  },
};

async function use(backend: string, otherwise: string): Promise<void> {
  if (!(await tf.setBackend(backend))) {
    throw new Error(otherwise);
  }
}
