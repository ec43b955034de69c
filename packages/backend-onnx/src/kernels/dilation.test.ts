import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";

describe("dilation", () => {
  for (const [strides, pad, dilations] of [
    [1, "same", 1],
    [2, "valid", 1],
    [1, "valid", 2],
  ] as const) {
    it(`strides ${strides}, pad ${pad}, dilations ${dilations}: values and gradients`, async () => {
      const x = () => floats([2, 5, 6, 3]);
      const filter = () => floats([2, 3, 3], -1, 1, 2);
      const dilate = (a: tf.Tensor, b: tf.Tensor) =>
        tf.dilation2d(a as tf.Tensor4D, b as tf.Tensor3D, strides, pad, dilations);
      await expectParity(() => dilate(x(), filter()));
      await expectParity(() => tf.grads((a, b) => tf.square(dilate(a, b)))([x(), filter()]), { tolerance: 1e-5 });
    });
  }
});
