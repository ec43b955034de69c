import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { booleans, expectParity, floats, integers } from "../engine/parity.fixture.js";

type Reduction = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

const reductions: readonly (readonly [string, Reduction])[] = [
  ["sum", tf.sum],
  ["mean", tf.mean],
  ["prod", tf.prod],
  ["max", tf.max],
  ["min", tf.min],
];

const axes: readonly (number | number[] | undefined)[] = [undefined, 0, -1, [0, 2], [1], [0, 1, 2]];

describe("reductions", () => {
  for (const [name, reduce] of reductions) {
    it(`${name}: float32, int32`, async () => {
      for (const axis of axes) {
        for (const keepDims of [false, true]) {
          await expectParity(() => reduce(floats([3, 1, 4], 0.5, 2), axis, keepDims), { tolerance: 1e-5 });
          if (name !== "mean") {
            await expectParity(() => reduce(integers([3, 1, 4], -3, 3), axis, keepDims));
          }
        }
      }
      await expectParity(() => [reduce(tf.scalar(3)), reduce(floats([1, 1]), 1)]);
    });

    // tfjs's own gradient of prod throws: it transposes by the axes of another rank.
    it.skipIf(name === "prod")(
      `${name}: gradient`,
      async () => {
        for (const axis of axes) {
          await expectParity(() => tf.grad((x) => reduce(x, axis))(floats([3, 2, 4], 0.5, 2)), {
            tolerance: 1e-4,
          });
        }
      },
      20_000,
    );
  }

  it("sums and extremes of booleans", async () => {
    await expectParity(() => {
      const x = booleans([3, 4]);
      return [tf.sum(x), tf.sum(x, 0), tf.all(x), tf.any(x, 1), tf.all(x, [0, 1], true)];
    });
  });

  it("NaN reaches sums, means and extremes as on cpu", async () => {
    const x = () => tf.tensor2d([1, Number.NaN, 3, -1, 0, 2], [2, 3]);
    await expectParity(() => [tf.sum(x(), 1), tf.mean(x(), 1)]);
    await expectParity(() => [tf.max(x(), 1), tf.min(x(), 1)]);
  });

  it("argMax and argMin, the first of equals", async () => {
    await expectParity(() => {
      const [x, n, b] = [floats([3, 4, 5]), integers([3, 4], -2, 2), booleans([2, 5])];
      return [tf.argMax(x), tf.argMax(x, -1), tf.argMin(x, 1), tf.argMax(n, 1), tf.argMin(n, 0), tf.argMax(b, 1)];
    });
    await expectParity(() => tf.argMin(booleans([2, 5]), 1));
    await expectParity(() => [tf.argMax(tf.tensor1d([2, 2, 2])), tf.argMin(tf.tensor1d([2, 2, 2]))]);
  });

  it("argMax and argMin pass over NaN", async () => {
    const x = () => tf.tensor2d([0, Number.NaN, 3, 5, 2, Number.NaN], [2, 3]);
    await expectParity(() => [tf.argMax(x(), 1), tf.argMin(x(), 1)]);
    // Where it comes first the cpu backend stops at it.
    expect([...tf.argMax(tf.tensor1d([Number.NaN, 2])).dataSync()]).toEqual([1]);
  });

  it("a reduction of nothing", async () => {
    await expectParity(() => [tf.sum(tf.zeros([0, 3]), 0), tf.sum(tf.zeros([0]))], { fallback: ["Sum"] });
  });

  it("softmax, logSoftmax and logSumExp with gradients", async () => {
    const tolerance = 1e-5;
    for (const shape of [[5], [3, 1], [2, 3, 4]]) {
      await expectParity(() => [tf.softmax(floats(shape)), tf.logSoftmax(floats(shape)), tf.logSumExp(floats(shape))], {
        tolerance,
      });
      await expectParity(
        () => {
          const dy = () => floats(shape, -1, 1, 4);
          return [
            tf.grad((x) => tf.softmax(x))(floats(shape), dy()),
            tf.grad((x) => tf.logSoftmax(x))(floats(shape), dy()),
          ];
        },
        { tolerance },
      );
    }
    await expectParity(() => tf.softmax(tf.tensor2d([1000, -1000, 0, -1e9], [1, 4])));
  });

  it("moments", async () => {
    await expectParity(
      () => {
        const { mean, variance } = tf.moments(floats([4, 3, 2]), [0, 1]);
        return [mean, variance];
      },
      { tolerance: 1e-5 },
    );
    expect(tf.getBackend()).toBe("onnx");
  });
});
