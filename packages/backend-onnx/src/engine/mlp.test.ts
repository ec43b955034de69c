import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OnnxBackend } from "./onnx-backend.js";
import { registerOnnxBackend } from "./register-onnx-backend.js";

beforeAll(() => registerOnnxBackend());
afterEach(() => tf.engine().reset());

function uniform(shape: number[], seed: number): Float32Array {
  return Random.fromSeed(seed).uniforms(tf.util.sizeFromShape(shape), -0.5, 0.5);
}

/** A two-layer perceptron's losses over some steps of Adam. */
function train(steps: number): number[] {
  const x = tf.tensor(uniform([16, 8], 1), [16, 8]);
  const y = tf.tidy(() => tf.sum(tf.square(x), 1, true));
  const w1 = tf.tidy(() => tf.variable(tf.tensor(uniform([8, 32], 2), [8, 32])));
  const w2 = tf.tidy(() => tf.variable(tf.tensor(uniform([32, 1], 3), [32, 1])));
  const optimizer = tf.train.adam(0.05);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const loss = optimizer.minimize(
      () => {
        const hidden = tf.tanh(tf.matMul(x as tf.Tensor2D, w1 as tf.Tensor2D));
        return tf.mean(tf.squaredDifference(tf.matMul(hidden, w2 as tf.Tensor2D), y)) as tf.Scalar;
      },
      true,
      [w1 as tf.Variable, w2 as tf.Variable],
    )!;
    losses.push(loss.dataSync()[0]!);
    loss.dispose();
  }
  return losses;
}

describe("a small perceptron", () => {
  it("learns, with the losses the cpu backend has", async () => {
    await tf.setBackend("cpu");
    const expected = train(20);
    tf.engine().reset();
    await tf.setBackend("onnx");
    const losses = train(20);
    losses.forEach((loss, step) => {
      // Float32 sums in another order, through 20 steps of Adam.
      expect(loss).toBeCloseTo(expected[step]!, 3);
    });
    expect(losses[19]!).toBeLessThan(losses[0]! / 2);
  });

  it("compiles a few graphs and then only finds them", async () => {
    await tf.setBackend("onnx");
    const backend = tf.backend() as OnnxBackend;
    train(20);
    expect(backend.sessions().misses).toBeLessThanOrEqual(3);
    expect(backend.sessions().hits).toBeGreaterThanOrEqual(17);
    expect([...backend.fallback!.counts]).toEqual([]);
  });
});
