import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

const cases = [
  { filter: 2, strides: 2, pad: "valid" },
  { filter: 3, strides: 1, pad: "same" },
  { filter: 3, strides: 2, pad: "same" },
  { filter: 2, strides: 3, pad: "valid" },
  { filter: 3, strides: 2, pad: 1 },
] as const;

describe("pooling", () => {
  for (const { filter, strides, pad } of cases) {
    it(`two dimensions, filter ${filter}, strides ${strides}, pad ${pad}: values and gradients`, async () => {
      const x = () => floats([2, 7, 6, 3]) as tf.Tensor4D;
      for (const pool of [tf.maxPool, tf.avgPool]) {
        const operation = (a: tf.Tensor) => pool(a as tf.Tensor4D, filter, strides, pad);
        await expectParity(() => operation(x()));
        await expectParity(() => tf.grad((a) => tf.square(operation(a)))(x()), { tolerance: 1e-5 });
      }
    });

    it(`three dimensions, filter ${filter}, strides ${strides}, pad ${pad}: values and gradients`, async () => {
      const x = () => floats([1, 5, 6, 4, 2]) as tf.Tensor5D;
      for (const pool of [tf.maxPool3d, tf.avgPool3d]) {
        const operation = (a: tf.Tensor) => pool(a as tf.Tensor5D, filter, strides, pad);
        await expectParity(() => operation(x()));
        await expectParity(() => tf.grad((a) => tf.square(operation(a)))(x()), { tolerance: 1e-5 });
      }
    });
  }

  it("integers, and a fractional size is rounded as asked", async () => {
    await expectParity(() => {
      const x = integers([1, 4, 4, 1]) as tf.Tensor4D;
      return [tf.maxPool(x, 2, 1, "valid"), tf.maxPool3d(tf.expandDims(x) as tf.Tensor5D, [1, 2, 2], 1, "valid")];
    });
    for (const rounding of ["floor", "round", "ceil"] as const) {
      await expectParity(() => tf.maxPool(floats([1, 6, 6, 1]) as tf.Tensor4D, 3, 2, 1, rounding));
    }
  });

  it("maxima pass over NaN, and the first of equals takes the gradient", async () => {
    const x = () => tf.tensor4d([1, Number.NaN, 3, 3, 2, 3, 0, 0, 0], [1, 3, 3, 1]);
    await expectParity(() => tf.maxPool(x(), 2, 1, "valid"));
    await expectParity(() => tf.grad((a) => tf.maxPool(a as tf.Tensor4D, 2, 1, "valid"))(tf.ones([1, 3, 3, 1])));
    const nothing = () => tf.fill([1, 2, 2, 1], Number.NaN);
    await expectParity(() => tf.maxPool(nothing() as tf.Tensor4D, 2, 1, "valid"));
    await expectParity(() => tf.grad((a) => tf.maxPool(a as tf.Tensor4D, 2, 1, "valid"))(nothing()));
  });

  it("windows that lie in the padding as a whole, or do not fit at all", async () => {
    await expectParity(() => {
      const x = floats([1, 4, 4, 2]) as tf.Tensor4D;
      return [
        tf.maxPool(x, 2, 3, 2),
        tf.avgPool(x, 2, 3, 2),
        tf.avgPool(x, 1, 2, 1),
        tf.maxPool(floats([1, 2, 2, 3]) as tf.Tensor4D, 1, 2, 1),
        tf.avgPool3d(floats([1, 1, 1, 1, 1]) as tf.Tensor5D, 2, 1, 2),
        tf.avgPool3d(floats([1, 1, 1, 1, 1]) as tf.Tensor5D, [1, 1, 2], 1, "valid"),
      ];
    });
  });

  it("maxPoolWithArgmax", async () => {
    for (const includeBatch of [false, true]) {
      await expectParity(() => {
        const { result, indexes } = tf.maxPoolWithArgmax(
          floats([2, 5, 4, 3]) as tf.Tensor4D,
          2,
          2,
          "same",
          includeBatch,
        );
        return [result!, indexes!];
      });
    }
  });
});
