import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import {
  autoencoderFile,
  autoencoders,
  autoencoderWork,
  differences,
  type ModelWork,
  transformers,
  transformerWork,
} from "../testing/model-work.js";

/** Every kind of model at work on the backend that the address names, against plain JavaScript; posts the differences. */
async function run(): Promise<object> {
  const backend = new URLSearchParams(location.search).get("backend")!;
  setWasmPaths("/runtime/");
  const steps = backend === "wasm" ? 0 : 3;
  const rows: Record<string, Record<string, number>> = {};
  const compare = async (name: string, work: () => Promise<ModelWork>) => {
    const results: ModelWork[] = [];
    for (const each of ["cpu", backend]) {
      if (!(await tf.setBackend(each))) {
        throw new Error(`tfjs's ${each} backend does not start here.`);
      }
      results.push(await work());
    }
    rows[name] = differences(results[1]!, results[0]!);
  };
  for (const [name, options] of Object.entries(autoencoders)) {
    await tf.setBackend("cpu");
    const file = await autoencoderFile(options);
    await compare(name, () => autoencoderWork(file, steps));
  }
  for (const [name, changes] of Object.entries(transformers)) {
    await compare(name, () => transformerWork(changes, steps));
  }
  return { rows };
}

const answer = await run().catch((error: Error) => ({ error: error.stack ?? String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
