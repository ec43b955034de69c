import { gumbelNoise } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

it("MmgenGumbelNoise gives the host's noise for any seed and position", () => {
  const seeds = Uint32Array.of(0, 1, 7, 2 ** 31, 2 ** 32 - 1, 0xdeadbeef);
  const [first, steps, vocabularySize] = [2 ** 20, 3, 50];
  const noise = tf
    .engine()
    .runKernel(
      "MmgenGumbelNoise",
      { seeds: tf.tensor1d(new Int32Array(seeds.buffer), "int32") },
      { first, steps, vocabularySize },
    ) as tf.Tensor;
  expect(noise.shape).toEqual([steps, seeds.length, vocabularySize]);
  const expected = Array.from({ length: steps }, (_, step) =>
    [...seeds].map((seed) => [...gumbelNoise(seed, first + step, vocabularySize)]),
  ).flat(2);
  const actual = noise.dataSync();
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(2e-7 * Math.max(1, Math.abs(value)));
  }
});
