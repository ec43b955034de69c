import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { type ImageBatch, Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend, trainInto } from "mmgen/node";
import { describe, expect, it } from "vitest";
import { compareWithCpu, modelKinds } from "./fixtures/model-work.fixture.js";

// A browser may have neither WebGPU nor a graphics card.
describe("models on WebAssembly work and learn as in plain JavaScript", () => {
  it.each(modelKinds)("%s", async (kind) => {
    const { latents = 0, logits = 0, loss, weights, ...exact } = await compareWithCpu(kind, "wasm", 1);
    // Sums of some hundred float32 products of values around 1, in another order.
    expect(Math.max(latents, logits, loss!)).toBeLessThan(1e-4);
    // One step of length 1e-2 along gradients that agree to 1e-4.
    expect(weights).toBeLessThan(1e-6);
    expect(Object.values(exact)).toEqual(Object.values(exact).map(() => 0));
  });

  it("a MultimodalModel, trained into a folder", async () => {
    const random = Random.fromSeed(1);
    const shape = { count: 16, height: 8, width: 8, channels: 3, maxValue: 3 };
    const images: ImageBatch = { data: Uint8Array.from({ length: 16 * 192 }, () => random.integer(4)), ...shape };
    const captions = Array.from({ length: 16 }, (_, i) => (i % 2 ? "a red cat" : "a dog"));
    const lossesOn = async (backend: "wasm" | "cpu") => {
      expect(await selectBackend(backend)).toBe(`${backend} (asked for)`);
      const folder = await mkdtemp(join(tmpdir(), "mmgen-on-wasm-"));
      const model = await trainInto(folder, {
        ...{ images, captions, heldOut: { images, captions }, preset: "smoke", seed: 1 },
        vqvae: { network: { hiddenChannels: 8 }, quantizer: { codebookSize: 8 }, training: { steps: 2 } },
        transformer: { width: 16, layers: 1, training: { steps: 2 } },
      });
      await rm(folder, { recursive: true });
      const { transformer, vqvae } = model.history!;
      const { count } = await model.draw(["a dog"], { count: 2, seed: 1 });
      model.dispose();
      expect([tf.getBackend(), count]).toEqual([backend, 2]);
      const heldOut = vqvae.epochs.map(({ metrics }) => metrics.heldOutLoss!);
      const nats = transformer.epochs.map(({ metrics }) => metrics.natsPerId!);
      return [...heldOut, ...nats, ...[...vqvae.steps, ...transformer.steps].map(({ loss }) => loss)];
    };
    const [onWasm, onCpu] = [await lossesOn("wasm"), await lossesOn("cpu")];
    expect(onWasm).toHaveLength(onCpu.length);
    // As above; the second step's loss is of weights that the first has moved.
    onWasm.forEach((loss, i) => {
      expect(Math.abs(loss - onCpu[i]!), `${i}`).toBeLessThan(1e-4);
    });
  });
});
