import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { createRequire } from "node:module";
import { KernelError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OrtModule } from "../runtime/ort-module.js";
import { ortRuntime } from "../runtime/ort-runtime.js";
import { registerOnnxBackend } from "./register-onnx-backend.js";

// The public, promise-returning API of the package at hand stands for onnxruntime-web's, which is the same.
const ort = createRequire(import.meta.url)("onnxruntime-node") as OrtModule;

beforeEach(async () => {
  registerOnnxBackend({ runtime: ortRuntime(ort) });
  await tf.setBackend("onnx");
});
afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

describe("a runtime of promises", () => {
  it("computes what await data() asks for, many reads at once and graphs recorded meanwhile", async () => {
    const x = tf.tensor1d([1, 2]);
    const y = tf.add(x, 1);
    const first = y.data();
    // Recorded while the first graph runs, on a value that has no elements yet.
    const z = tf.mul(y, 10);
    const second = z.data();
    y.dispose();
    expect([...(await second)]).toEqual([20, 30]);
    expect([...(await first)]).toEqual([2, 3]);
    const gradient = tf.grad((a) => tf.square(a))(tf.tensor1d([3]));
    expect([...(await gradient.data())]).toEqual([6]);
  });

  it("a synchronous read says what to do instead", () => {
    const y = tf.add(tf.tensor1d([1]), 1);
    let error: unknown;
    try {
      y.dataSync();
    } catch (caught) {
      error = caught;
    }
    expect(KernelError.isInstance(error)).toBe(true);
    expect(String(error)).toContain("await tensor.data()");
  });

  it("a graph that cannot run fails its readers and nobody else", async () => {
    const index = tf.cast(tf.mul(tf.tensor1d([5]), 2), "int32");
    const wrong = tf.gather(tf.tensor1d([1, 2]), index);
    await expect(wrong.data()).rejects.toThrow(/Gather/);
    expect([...(await tf.add(tf.tensor1d([1]), 1).data())]).toEqual([2]);
  });
});
