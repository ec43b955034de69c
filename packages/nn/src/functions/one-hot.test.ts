import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { oneHot } from "../index.js";

describe("oneHot", () => {
  it("gives float rows, and leaks nothing", async () => {
    await tf.setBackend("cpu");
    const indices = tf.tensor2d([2, 0], [2, 1], "int32");
    const before = tf.memory().numTensors;
    const hot = oneHot(indices, 3);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect([hot.dtype, hot.shape]).toEqual(["float32", [2, 1, 3]]);
    expect([...(await hot.data())]).toEqual([0, 0, 1, 1, 0, 0]);
    tf.dispose([indices, hot]);
  });
});
