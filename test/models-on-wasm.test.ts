import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
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
});
