import "@mmgen/nn/gradients";
import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VqVae } from "../index.js";
import { GridAttention } from "./grid-attention.js";

beforeAll(() => tf.setBackend("cpu"));

const layer = new GridAttention({ channels: 4, heads: 2, grid: { height: 3, width: 3 }, normalization: "none" });
beforeAll(() => {
  layer.initializeWeights(Random.fromSeed(2));
});
const pass = { training: false };

describe("GridAttention", () => {
  it("lets every position attend to the farthest one, which a 3×3 filter could not", () => {
    tf.tidy(() => {
      const x = tf.tensor4d(Random.fromSeed(1).normals(36), [1, 3, 3, 4]);
      const corner = tf.tensor4d([5, -5, 5, -5, ...new Array(32).fill(0)], [1, 3, 3, 4]);
      const before = layer.forward(x, pass).arraySync() as number[][][][];
      const after = layer.forward(tf.add(x, corner), pass).arraySync() as number[][][][];
      expect(Math.abs(after[0]![2]![2]![0]! - before[0]![2]![2]![0]!)).toBeGreaterThan(1e-4);
    });
  });

  it("has the gradient of finite differences", () => {
    tf.tidy(() => {
      const values = Random.fromSeed(3).normals(36);
      const weigh = tf.tensor4d(Random.fromSeed(4).normals(36), [1, 3, 3, 4]);
      const f = (x: tf.Tensor) => tf.sum(tf.mul(layer.forward(x as tf.Tensor4D, pass), weigh)) as tf.Scalar;
      const gradient = tf
        .grad(f)(tf.tensor4d(values, [1, 3, 3, 4]))
        .dataSync();
      const step = 1e-2;
      for (const at of [0, 7, 18, 35]) {
        const [up, down] = [step, -step].map((shift) => {
          const moved = values.slice();
          moved[at]! += shift;
          return f(tf.tensor4d(moved, [1, 3, 3, 4])).dataSync()[0]!;
        }) as [number, number];
        // Central differences of a float32 function: truncation of order step², rounding of order 1e-6 / step.
        expect(gradient[at]!).toBeCloseTo((up - down) / (2 * step), 2);
      }
    });
  });

  it("is part of a model, its file and its checks", async () => {
    const options = {
      imageSide: 8,
      network: { hiddenChannels: 8, residualBlocks: 1, attentionHeads: 2 },
      quantizer: { codebookSize: 8, codeDimension: 4 },
    };
    using model = VqVae.create(options, { random: Random.fromSeed(1) });
    expect([...model.parameters.keys()]).toContain("encoder.attention.0.attention.weight");
    using copy = VqVae.fromSafetensors(await model.toSafetensors());
    expect(copy.config).toEqual(model.config);
    const odd = { ...options, network: { ...options.network, attentionHeads: 3 } };
    expect(() => VqVae.create(odd, { random: Random.fromSeed(1) })).toThrow(ConfigError);
  });
});
