import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";

describe("local response normalization", () => {
  for (const radius of [0, 1, 2, 7]) {
    it(`radius ${radius}: values and gradient`, async () => {
      const normalize = (x: tf.Tensor) => tf.localResponseNormalization(x as tf.Tensor4D, radius, 1.1, 0.7, 0.6);
      // Powers, of which ONNX Runtime's are a few units in the last place off.
      await expectParity(() => normalize(floats([2, 3, 2, 5])), { tolerance: 1e-5 });
      await expectParity(() => tf.grad(normalize)(floats([2, 3, 2, 5])), { tolerance: 1e-5 });
    });
  }
});
