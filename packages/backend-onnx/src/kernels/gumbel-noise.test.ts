import { gumbelNoise } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

it.each([true, false])(
  "MmgenGumbelNoise gives the host's noise for any seed and position (on the cpu: %s)",
  (runsOnCpu) => {
    Object.assign((tf.backend() as OnnxBackend).graph, { runsOnCpu });
    const seeds = Uint32Array.of(0, 1, 7, 2 ** 31, 2 ** 32 - 1, 0xdeadbeef);
    // Of 18 000 draws about 18 are of the largest 1024th.
    const [first, steps, vocabularySize] = [2 ** 20, 3, 1000];
    const inputs = {
      seeds: tf.tensor1d(new Int32Array(seeds.buffer), "int32"),
      positions: tf.range(first, first + steps, 1, "int32"),
    };
    const noise = tf.engine().runKernel("MmgenGumbelNoise", inputs, { vocabularySize }) as tf.Tensor;
    expect(noise.shape).toEqual([steps, seeds.length, vocabularySize]);
    const expected = Array.from({ length: steps }, (_, step) =>
      [...seeds].map((seed) => [...gumbelNoise(seed, first + step, vocabularySize)]),
    ).flat(2);
    const actual = noise.dataSync();
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(2e-7 * Math.max(1, Math.abs(value)));
    }
  },
);
