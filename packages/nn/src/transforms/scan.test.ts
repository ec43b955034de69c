import { ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { scan } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

/** Running sums as carry, products of sum and input as output. */
const body = ([sum]: tf.Tensor[], [x]: tf.Tensor[]) => {
  const next = tf.add(sum!, x!);
  return { carry: [next], outputs: [tf.mul(next, x!), tf.neg(next)] };
};

describe("scan", () => {
  it("hands the carry on and stacks the outputs", () => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const start = tf.tensor1d([10, 20]);
    const before = tf.memory().numTensors;
    const { carry, outputs } = scan(body, [start], [x]);
    expect(tf.memory().numTensors).toBe(before + 3);
    expect([...carry[0]!.dataSync()]).toEqual([19, 32]);
    expect(outputs[0]!.shape).toEqual([3, 2]);
    expect([...outputs[0]!.dataSync()]).toEqual([11, 44, 42, 104, 95, 192]);
    expect([...outputs[1]!.dataSync()]).toEqual([-11, -22, -14, -26, -19, -32]);
    expect([...start.dataSync()]).toEqual([10, 20]);
  });

  it("is differentiable", () => {
    const gradient = tf.grad((x) => tf.sum(scan(body, [tf.tensor1d([0, 0])], [x]).carry[0]!));
    expect([...gradient(tf.ones([3, 2])).dataSync()]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("uses a backend's own loop", () => {
    const backend = tf.backend() as unknown as Record<string, unknown>;
    const native = { carry: [], outputs: [] };
    backend.scan = () => native;
    try {
      expect(scan(body, [tf.zeros([2])], [tf.zeros([3, 2])])).toBe(native);
    } finally {
      delete backend.scan;
    }
  });

  it("refuses inputs of different lengths, none, and a carry that changes shape", () => {
    expect(() => scan(body, [tf.zeros([2])], [tf.zeros([3, 2]), tf.zeros([2, 2])])).toThrow(ShapeError);
    expect(() => scan(body, [tf.zeros([2])], [])).toThrow("got none");
    const growing = ([sum]: tf.Tensor[], [x]: tf.Tensor[]) => ({ carry: [tf.concat([sum!, x!])], outputs: [] });
    expect(() => scan(growing, [tf.zeros([2])], [tf.zeros([3, 2])])).toThrow("float32[2] into float32[4]");
  });
});
