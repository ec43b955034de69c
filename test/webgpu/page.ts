import { type OrtModule, ortRuntime, useOnnx } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { works } from "./works.js";

/** Runs works on onnxruntime-web, each on a backend of its own. */
async function run(): Promise<object> {
  const ort = (await import("onnxruntime-web")) as unknown as OrtModule & { env: { wasm: { wasmPaths: string } } };
  ort.env.wasm.wasmPaths = "/runtime/";
  const names = new URLSearchParams(location.search).getAll("work");
  const results: Record<string, object> = {};
  for (const { name, run } of works.filter(({ name }) => names.length === 0 || names.includes(name))) {
    await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["webgpu"], allowCpuNodes: false });
    const start = performance.now();
    const numbers = await run().catch((cause: Error) => {
      throw new Error(`${name}: ${cause.message}`);
    });
    results[name] = { numbers, milliseconds: performance.now() - start };
  }
  return results;
}

const answer = await run().catch((error: Error) => ({ error: error.stack ?? String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
