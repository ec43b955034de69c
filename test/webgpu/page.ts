import { type OrtModule, ortRuntime, useOnnx } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { works } from "./works.js";

/** Runs works on onnxruntime-web, each on a backend of its own; with `replay` in the address with steps captured. */
async function run(): Promise<object> {
  const ort = (await import("onnxruntime-web")) as unknown as OrtModule & { env: { wasm: { wasmPaths: string } } };
  ort.env.wasm.wasmPaths = "/runtime/";
  const search = new URLSearchParams(location.search);
  const [names, replay] = [search.getAll("work"), search.has("replay")];
  const results: Record<string, object> = {};
  for (const { name, replays, run } of works.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const executionProviders = ["webgpu"];
    const backend = await useOnnx({ runtime: ortRuntime(ort), executionProviders, allowCpuNodes: false, replay });
    const start = performance.now();
    const numbers = await run().catch((cause: Error) => {
      throw new Error(`${name}: ${cause.message}`);
    });
    const milliseconds = performance.now() - start;
    const { replayed, notReplayed } = backend.sessions();
    results[name] = { numbers, milliseconds, replays, replayed, notReplayed, kept: backend.memory().deviceBytes };
  }
  return results;
}

const answer = await run().catch((error: Error) => ({ error: error.stack ?? String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
