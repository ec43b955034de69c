import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";

// Sums of a filter's products, in another order than the cpu backend's.
const tolerance = 2e-5;

describe("depthwise convolutions", () => {
  for (const [strides, pad, multiplier] of [
    [1, "same", 1],
    [2, "same", 2],
    [2, "valid", 3],
    [1, 1, 2],
  ] as const) {
    it(`strides ${strides}, pad ${pad}, multiplier ${multiplier}: values and gradients`, async () => {
      const x = () => floats([2, 6, 5, 3]) as tf.Tensor4D;
      const w = () => floats([3, 2, 3, multiplier], -1, 1, 2) as tf.Tensor4D;
      const convolve = (a: tf.Tensor, b: tf.Tensor) =>
        tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
      await expectParity(() => convolve(x(), w()), { tolerance });
      await expectParity(() => tf.grads((a, b) => tf.square(convolve(a, b)))([x(), w()]), { tolerance: 1e-4 });
    });
  }

  it("dilations, separable and fused", async () => {
    const x = () => floats([1, 6, 6, 2]) as tf.Tensor4D;
    const w = () => floats([2, 2, 2, 2], -1, 1, 2) as tf.Tensor4D;
    const pointwise = () => floats([1, 1, 4, 3], -1, 1, 3) as tf.Tensor4D;
    await expectParity(
      () => [
        tf.depthwiseConv2d(x(), w(), 1, "same", "NHWC", 2),
        tf.separableConv2d(x(), w(), pointwise(), 1, "same"),
        tf.fused.depthwiseConv2d({
          x: x(),
          filter: w(),
          strides: 1,
          pad: "same",
          bias: floats([4]) as tf.Tensor1D,
          activation: "relu6",
        }),
      ],
      { tolerance },
    );
  });
});
