import { ConfigError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import { exportOnnx } from "./export-onnx.js";

beforeEach(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});
afterEach(() => tf.engine().reset());

async function run(model: Uint8Array, feeds: Record<string, ort.Tensor>) {
  const session = await ort.InferenceSession.create(model);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}
const float = (values: number[], dims: number[]) => new ort.Tensor("float32", Float32Array.from(values), dims);

describe("exportOnnx", () => {
  it("writes a function with its weights, for any batch", async () => {
    const weight = tf.variable(tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]));
    const bias = tf.add(tf.tensor1d([0, 0, 1]), 1); // not computed yet
    const model = await exportOnnx(
      ({ x, scale }) => {
        const rows = tf.reshape(x!, [-1, 2]);
        const y = tf.relu(tf.add(tf.matMul(rows, weight), bias));
        return { y: tf.mul(tf.reshape(y, [x!.shape[0]!, 2, 3]), scale!), sum: tf.sum(y) };
      },
      {
        inputs: {
          x: { shape: ["batch", 2, 2], dtype: "float32" },
          scale: { shape: [], dtype: "float32" },
        },
        weights: new Map([["layer.weight", weight]]),
      },
    );
    for (const batch of [1, 4]) {
      const values = Array.from({ length: batch * 4 }, (_, i) => i - 5);
      const { y, sum } = await run(model, { x: float(values, [batch, 2, 2]), scale: float([2], []) });
      const expected = tf.relu(tf.add(tf.matMul(tf.tensor2d(values, [batch * 2, 2]), weight), bias));
      expect(y!.dims).toEqual([batch, 2, 3]);
      expect([...(y!.data as Float32Array)]).toEqual([...(await tf.mul(expected, 2).data())]);
      expect([...(sum!.data as Float32Array)]).toEqual([...(await tf.sum(expected).data())]);
    }
    expect(Buffer.from(model).includes("layer.weight")).toBe(true);
  });

  it("stores elements of now, and leaves the backend as it was", async () => {
    const weight = tf.variable(tf.scalar(3));
    const before = tf.memory().numTensors;
    const model = await exportOnnx(({ x }) => ({ y: tf.mul(x!, weight) }), {
      inputs: { x: { shape: [2], dtype: "float32" } },
    });
    expect(tf.memory().numTensors).toBe(before);
    weight.assign(tf.scalar(100));
    const { y } = await run(model, { x: float([1, 2], [2]) });
    expect([...(y!.data as Float32Array)]).toEqual([3, 6]);
    expect([...tf.mul(tf.tensor1d([1, 2]), weight).dataSync()]).toEqual([100, 200]);
  });

  it("refuses numbers made from an open batch, and names the size and the operator", async () => {
    const inputs = { x: { shape: ["batch", 2], dtype: "float32" } } as const;
    const uses: readonly (readonly [string, (x: tf.Tensor, batch: number) => tf.Tensor])[] = [
      ["Div", (x, batch) => tf.div(tf.sum(x, 0), batch)],
      ["Mul", (x, batch) => tf.mul(x, 1 / batch)],
      ["Concat", (x, batch) => tf.concat([x, tf.zeros([batch, 1])], 1)],
      ["Add", (x, batch) => tf.add(x, tf.reshape(tf.range(0, batch), [batch, 1]))],
      ["Slice", (x, batch) => tf.slice(x, [batch - 1, 0], [1, 2])],
      ["Tile|Expand", (x, batch) => tf.tile(tf.sum(x, 0, true), [batch, 1])],
      ["Mul", (x, batch) => tf.mul(x, Math.floor(batch / 4))],
      ["Neg|Abs", (x, batch) => (batch % 2 === 0 ? tf.neg(x) : tf.abs(x))],
    ];
    for (const [operator, use] of uses) {
      const fn = ({ x }: tf.NamedTensorMap) => ({ y: use(x!, x!.shape[0]!) });
      const error = await exportOnnx(fn, { inputs }).catch((caught: unknown) => caught);
      expect(ConfigError.isInstance(error), `${use} gave ${error}`).toBe(true);
      expect(String(error)).toMatch(new RegExp(`"batch" \\(axis 0 of input x\\).*operator (${operator}) `));
      const fixed = await exportOnnx(fn, { inputs: { x: { shape: [2, 2], dtype: "float32" } } });
      const { y } = await run(fixed, { x: float([1, 2, 3, 4], [2, 2]) });
      expect([...(y!.data as Float32Array)]).toEqual([...use(tf.tensor2d([1, 2, 3, 4], [2, 2]), 2).dataSync()]);
    }
  });

  it("leaves the batch open in sums however long, and where it is only a shape", async () => {
    const model = await exportOnnx(
      ({ x }) => {
        const [batch, width] = x!.shape as [number, number];
        const halves = tf.slice(x!, [0, 0], [batch, width / 2]);
        return { mean: tf.mean(x!), rows: tf.mean(tf.reshape(halves, [batch, 2, -1]), 1) };
      },
      { inputs: { x: { shape: ["batch", 4000], dtype: "float32" } } },
    );
    for (const batch of [1, 3]) {
      const { mean, rows } = await run(model, { x: float(new Array(batch * 4000).fill(0.5), [batch, 4000]) });
      expect((mean!.data as Float32Array)[0]).toBeCloseTo(0.5, 5);
      expect(rows!.dims).toEqual([batch, 1000]);
    }
  });

  it("exports on a backend that another copy of the package registered", async () => {
    vi.resetModules();
    const copy = await import("./export-onnx.js");
    expect(copy.exportOnnx).not.toBe(exportOnnx);
    const weight = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]));
    const model = await copy.exportOnnx(({ x }) => ({ y: tf.relu(tf.matMul(x!, weight)) }), {
      inputs: { x: { shape: ["batch", 2], dtype: "float32" } },
      weights: new Map([["w", weight]]),
    });
    const { y } = await run(model, { x: float([1, 1, -9, 1], [2, 2]) });
    expect([...(y!.data as Float32Array)]).toEqual([4, 6, 0, 0]);
  });

  it("refuses another backend, and reading", async () => {
    const inputs = { x: { shape: ["batch", 2], dtype: "float32" } } as const;
    await expect(exportOnnx(({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }), { inputs })).rejects.toThrow("read");
    expect([...tf.add(1, 2).dataSync()]).toEqual([3]);
    await tf.setBackend("cpu");
    await expect(exportOnnx(({ x }) => ({ y: tf.abs(x!) }), { inputs })).rejects.toThrow("got cpu");
  });
});
