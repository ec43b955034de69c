import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { describe, expect, it } from "vitest";
import { compareWithCpu, modelKinds } from "./fixtures/model-work.fixture.js";

// A trained model may be taken to a browser that has neither WebGPU nor a graphics card: all but training runs there.
describe("trained models on WebAssembly do as in plain JavaScript", () => {
  it.each(modelKinds)("%s", async (kind) => {
    const { latents = 0, logits = 0, loss, ...exact } = await compareWithCpu(kind, "wasm", 0);
    // Sums of some hundred float32 products of values around 1, in another order.
    expect(Math.max(latents, logits, loss!)).toBeLessThan(1e-4);
    expect(Object.values(exact)).toEqual(Object.values(exact).map(() => 0));
  });
});
