import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { LazyValue } from "../graph/lazy-value.js";
import { isLongSum, nextSumStage } from "../graph/staged-sum.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** The largest relative difference from `expected`. */
function error(compute: () => tf.Tensor, expected: number): number {
  const result = tf.tidy(compute);
  const worst = Math.max(...result.dataSync().map((value) => Math.abs(value / expected - 1)));
  result.dispose();
  return worst;
}

const filled = (shape: number[], value: number) =>
  tf.tensor(new Float32Array(tf.util.sizeFromShape(shape)).fill(value), shape);

describe("long sums", () => {
  it("of equal numbers are right to 1e-5, however many there are", () => {
    expect(error(() => tf.mean(filled([2 ** 24], 0.1)), Math.fround(0.1))).toBeLessThan(1e-5);
    expect(error(() => tf.mean(filled([256, 28, 28, 3], 10.1), [0, 1, 2]), Math.fround(10.1))).toBeLessThan(1e-5);
    const integers = () => tf.fill([2 ** 20], 2_000_000_000, "int32");
    expect(error(() => tf.mean(integers()), 2e9)).toBeLessThan(1e-5);
  });

  it("of a gradient of 10⁷ values give the norm", () => {
    const n = 10 ** 7;
    const values = new Float32Array(n);
    let exact = 0;
    for (let i = 0; i < n; i++) {
      values[i] = ((i & 1023) - 500) * 2e-5;
      exact += values[i]! ** 2;
    }
    expect(error(() => tf.sqrt(tf.sum(tf.square(tf.tensor1d(values)))), Math.sqrt(exact))).toBeLessThan(1e-5);
  });

  it("over every arrangement of axes, lengths without divisors among them", () => {
    const [value, exact] = [10.1, Math.fround(10.1)];
    const cases: readonly (readonly [number[], number[]])[] = [
      [[1280, 2], [0]],
      [[20_011, 3], [0]],
      [[65_537], [0]],
      [[3, 20_011], [1]],
      [[2, 20_000, 3], [1]],
      [
        [300, 2, 300],
        [0, 2],
      ],
      [
        [20, 30, 40, 5],
        [0, 1, 2],
      ],
      [
        [1, 40_000, 1, 2],
        [1, 2],
      ],
    ];
    for (const [shape, axes] of cases) {
      const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
      const x = filled(shape, value);
      for (const keepDims of [false, true]) {
        const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
        const rest = shape.filter((_, axis) => !axes.includes(axis));
        const compute = keepDims ? () => tf.mean(x, axes, true) : () => tf.sum(x, axes);
        expect(error(compute, keepDims ? exact : exact * count)).toBeLessThan(1e-5);
        const result = tf.tidy(compute);
        expect(result.shape).toEqual(keepDims ? kept : rest);
        result.dispose();
      }
      x.dispose();
    }
  });

  it("keep apart what is not added", () => {
    const rows = 5000;
    const x = tf.tensor3d(
      Float32Array.from({ length: rows * 6 }, (_, i) => i % 6),
      [rows, 2, 3],
    );
    expect([...tf.mean(x, 0).dataSync()]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...tf.mean(x, [0, 2]).dataSync()]).toEqual([1, 4]);
    x.dispose();
  });

  it("are taken apart into stages that are short", () => {
    expect(nextSumStage([64, 8192], [1]).kind).toBe("single");
    expect(nextSumStage([16, 64, 32], [0, 1]).kind).toBe("single");
    expect(nextSumStage([2048, 32], [0])).toEqual({ kind: "split", shape: [8, 256, 32], axes: [0, 1] });
    expect(nextSumStage([40, 5, 40], [0, 2])).toEqual({ kind: "split", shape: [40, 5, 40], axes: [0, 2] });
    expect(nextSumStage([20_011, 3], [0])).toEqual({ kind: "cut", shape: [20_011, 3], axis: 0, size: 19_968 });
  });

  it("leave short ones whole", () => {
    expect(isLongSum([64, 8192], [1])).toBe(false);
    expect(isLongSum([16, 64, 32], [0, 1])).toBe(false);
    expect(isLongSum([1, 5000, 1], [1])).toBe(false);
    expect(isLongSum([0, 5000], [1])).toBe(false);
    expect(isLongSum([128, 28, 28, 64], [0, 1, 2])).toBe(true);
    expect(isLongSum([64, 8193], [1])).toBe(true);
    const graph = new GraphBuilder();
    const x = new LazyValue("float32", [1024, 512]);
    expect(graph.reduce("ReduceSum", x, [0], false).producer!.inputs[0]).toBe(x);
  });
});

describe("sums and products of integers", () => {
  it("wrap around as in an Int32Array", () => {
    const integers = (values: number[]) => tf.tensor1d(values, "int32");
    expect([...tf.sum(integers([2_147_483_647, 1])).dataSync()]).toEqual([-2_147_483_648]);
    expect([...tf.prod(integers([65_536, 65_536])).dataSync()]).toEqual([0]);
    expect([...tf.prod(integers([65_537, 65_537])).dataSync()]).toEqual([131_073]);
    const rows = tf.tensor2d([65_537, 3, 65_537, 1, 65_539, 1, 65_543, 1, 65_551, 7], [5, 2], "int32");
    const factors = [65_537n, 65_537n, 65_539n, 65_543n, 65_551n];
    const product = Number(
      BigInt.asIntN(
        32,
        factors.reduce((a, b) => a * b),
      ),
    );
    expect([...tf.prod(rows, 0).dataSync()]).toEqual([product, 21]);
    expect(tf.prod(rows, [0, 1], true).arraySync()).toEqual([[Math.imul(product, 21)]]);
    expect([...tf.sum(tf.fill([2 ** 20], 2_000_000_000, "int32")).dataSync()]).toEqual([(2e9 * 2 ** 20) | 0]);
    expect([...tf.sum(tf.fill([2 ** 22 + 1], 2_147_483_647, "int32")).dataSync()]).toEqual([2_143_289_343]);
    expect([...tf.sum(integers([16_777_217, 1, 1])).dataSync()]).toEqual([16_777_219]);
    expect([...tf.sum(integers([-5, 3])).dataSync()]).toEqual([-2]);
    const yes = tf.tensor(new Uint8Array(6000).fill(1), [3000, 2], "bool");
    expect([...tf.sum(yes, 0).dataSync()]).toEqual([3000, 3000]);
  });
});
