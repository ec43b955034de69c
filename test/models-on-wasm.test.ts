import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  autoencoderFile,
  autoencoders,
  autoencoderWork,
  differences,
  type ModelWork,
  transformers,
  transformerWork,
} from "./testing/model-work.js";

// A trained model may be taken to a browser that has neither WebGPU nor a graphics card: all but training runs there.

/** How far `work` on WebAssembly is from the same in plain JavaScript. */
async function compare(work: () => Promise<ModelWork>): Promise<Record<string, number>> {
  const results: ModelWork[] = [];
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    results.push(await work());
    expect(tf.memory().numTensors, backend).toBe(before);
  }
  return differences(results[1]!, results[0]!);
}

/** Sums of some hundred float32 products of values around 1, in another order. */
const rounding = 1e-4;

describe("trained models on WebAssembly do as in plain JavaScript", () => {
  for (const [name, options] of Object.entries(autoencoders)) {
    it(`latents, codes, pictures and loss: ${name}`, async () => {
      await tf.setBackend("cpu");
      const file = await autoencoderFile(options);
      const { latents, codes, pixels, loss } = await compare(() => autoencoderWork(file, 0));
      expect([codes, pixels]).toEqual([0, 0]);
      expect(Math.max(latents!, loss!)).toBeLessThan(rounding);
    });
  }

  for (const [name, changes] of Object.entries(transformers)) {
    it(`logits, step by step, generated ids and loss: ${name}`, async () => {
      const { logits, ids, loss } = await compare(() => transformerWork(changes, 0));
      expect(ids).toBe(0);
      expect(Math.max(logits!, loss!)).toBeLessThan(rounding);
    });
  }
});
