import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import { compareWithCpu, modelKinds } from "../fixtures/model-work.fixture.js";
import { compareGradients } from "./gradients.js";

/** Every kind of model and every gradient on the backend that the address names, against plain JavaScript. */
async function run(): Promise<object> {
  const backend = new URLSearchParams(location.search).get("backend")!;
  setWasmPaths("/runtime/");
  const rows: Record<string, Record<string, number>> = {};
  for (const kind of modelKinds) {
    rows[kind] = await compareWithCpu(kind, backend, 3);
  }
  // The suite compares those of wasm, which leaves out more.
  return backend === "wasm" ? { rows } : { rows, gradients: await compareGradients(backend) };
}

const answer = await run().catch((error: Error) => ({ error: error.stack ?? String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
