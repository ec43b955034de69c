import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { ensureBackend, selectBackend, selectTrainingBackend } from "./select-backend.js";

describe("ensureBackend", () => {
  it("starts ONNX Runtime where nothing is chosen, and keeps it from then on", async () => {
    expect(await ensureBackend()).toEqual({ line: "onnx (ONNX Runtime on the CPU)", isNew: true });
    expect(tf.getBackend()).toBe("onnx");
    expect(await ensureBackend()).toEqual({ line: "onnx (chosen by the program)", isNew: false });
  });
});

describe("selectBackend", () => {
  it("takes ONNX Runtime where nobody asks for another and no GPU is there", async () => {
    expect(await selectTrainingBackend("auto")).toContain("onnx");
    expect(tf.getBackend()).toBe("onnx");
  });

  it("takes the one asked for, and ensureBackend keeps it", async () => {
    expect(await selectBackend("cpu")).toBe("cpu (asked for)");
    expect(tf.getBackend()).toBe("cpu");
    expect((await ensureBackend()).line).toBe("cpu (chosen by the program)");
  });

  it("says how to install what is not there", async () => {
    await expect(selectBackend("webgpu")).rejects.toThrow("npm install @tensorflow/tfjs-backend-webgpu@");
    await expect(selectBackend("onyx" as never)).rejects.toThrow(/backend: .*did you mean "onnx"/);
  });

  it("does not train where gradients are missing", async () => {
    await expect(selectTrainingBackend("wasm")).rejects.toThrow(ConfigError);
    await expect(selectTrainingBackend("wasm")).rejects.toThrow("cannot train");
  });
});
