import { type OrtModule, ortRuntime, registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { trainAndGenerate } from "./train-and-generate.js";

/** Runs {@link trainAndGenerate} on onnxruntime-web and posts the result. */
async function run(): Promise<object> {
  const provider = new URLSearchParams(location.search).get("provider")!;
  // main.mjs bundles the build for the chosen provider.
  const ort = (await import("onnxruntime-web")) as unknown as OrtModule & { env: { wasm: { wasmPaths: string } } };
  ort.env.wasm.wasmPaths = "/runtime/";
  registerOnnxBackend({ runtime: ortRuntime(ort), executionProviders: [provider] });
  if (!(await tf.setBackend("onnx"))) {
    throw new Error(`The onnx backend does not start with ${provider}.`);
  }
  const start = performance.now();
  return { ...(await trainAndGenerate()), milliseconds: performance.now() - start };
}

const answer = await run().catch((error: Error) => ({ error: error.stack ?? String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
