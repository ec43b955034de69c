import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { compile, type TensorFunction } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

describe("compile", () => {
  const double: TensorFunction = (x) => [tf.mul(tf.add(x!, 1), 2)];

  it("calls the function on a backend that offers nothing, and frees its intermediates", () => {
    const run = compile(double);
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const [y] = run(x);
    expect([...y!.dataSync()]).toEqual([4, 6]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  it("hands the function once to a backend that compiles, whichever is active at the call", () => {
    const run = compile(double);
    const backend = tf.backend() as unknown as Record<string, unknown>;
    let compiled = 0;
    backend.compile = (fn: TensorFunction): TensorFunction => {
      compiled++;
      return (...inputs) => fn(...inputs).map((tensor) => tf.neg(tensor));
    };
    try {
      expect([...run(tf.tensor1d([1]))[0]!.dataSync()]).toEqual([-4]);
      expect([...run(tf.tensor1d([2]))[0]!.dataSync()]).toEqual([-6]);
      expect(compiled).toBe(1);
    } finally {
      delete backend.compile;
    }
    expect([...run(tf.tensor1d([2]))[0]!.dataSync()]).toEqual([6]);
  });
});
