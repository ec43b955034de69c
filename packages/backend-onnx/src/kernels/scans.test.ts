import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { booleans, expectParity, floats, integers } from "../engine/parity.fixture.js";

describe("running sums and products", () => {
  for (const exclusive of [false, true]) {
    for (const reverse of [false, true]) {
      it(`exclusive ${exclusive}, reverse ${reverse}`, async () => {
        for (const axis of [0, 1, 2]) {
          await expectParity(
            () => {
              const [x, n] = [floats([3, 5, 4]), integers([2, 3, 4], -3, 3)];
              return [tf.cumsum(x, axis, exclusive, reverse), tf.cumsum(n, axis, exclusive, reverse)];
            },
            { tolerance: 5e-6 },
          );
          await expectParity(
            () => {
              const [x, n] = [floats([3, 5, 4], 0.5, 2), integers([2, 3, 4], -3, 3)];
              return [tf.cumprod(x, axis, exclusive, reverse), tf.cumprod(n, axis, exclusive, reverse)];
            },
            { tolerance: 5e-6 },
          );
        }
        const sum = (x: tf.Tensor) => tf.square(tf.cumsum(x, 1, exclusive, reverse));
        await expectParity(() => tf.grad(sum)(floats([2, 5])), { tolerance: 2e-5 });
      });
    }
  }

  it("booleans are counted, and NaN stays from where it comes", async () => {
    await expectParity(() => [tf.cumsum(booleans([6])), tf.cumprod(booleans([6]))]);
    const x = () => tf.tensor1d([2, Number.NaN, 3, 0]);
    await expectParity(() => [tf.cumsum(x()), tf.cumprod(x())]);
  });
});
