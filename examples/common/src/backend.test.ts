import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { selectBackend, selectTrainingBackend } from "./backend.js";

describe("the backend of a run", () => {
  it("is ONNX Runtime where nobody asks for another and no GPU is there", async () => {
    expect(await selectTrainingBackend("auto")).toContain("onnx");
    expect(tf.getBackend()).toBe("onnx");
  });

  it("is the one asked for", async () => {
    expect(await selectBackend("cpu")).toBe("cpu (asked for)");
    expect(tf.getBackend()).toBe("cpu");
  });

  it("says how to install what is not there", async () => {
    await expect(selectBackend("webgpu")).rejects.toThrow("npm install @tensorflow/tfjs-backend-webgpu@");
  });

  it("does not train where gradients are missing", async () => {
    await expect(selectTrainingBackend("wasm")).rejects.toThrow(ConfigError);
    await expect(selectTrainingBackend("wasm")).rejects.toThrow("cannot train");
  });
});
