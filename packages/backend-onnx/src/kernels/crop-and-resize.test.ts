import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";

describe("cropAndResize", () => {
  for (const method of ["bilinear", "nearest"] as const) {
    it(`${method}: boxes inside, across the edge, turned round, of images that are not there`, async () => {
      const boxes = () =>
        tf.tensor2d([0, 0, 1, 1, 0.2, 0.1, 0.7, 0.9, -0.5, 0.3, 1.4, 0.6, 0.9, 0.9, 0.1, 0.2, 0, 0, 1, 1], [5, 4]);
      const owners = () => tf.tensor1d([0, 1, 1, 0, 2], "int32");
      for (const size of [
        [3, 4],
        [1, 1],
        [6, 2],
      ] as const) {
        await expectParity(() =>
          tf.image.cropAndResize(floats([2, 5, 6, 2]) as tf.Tensor4D, boxes(), owners(), [...size], method, 7.5),
        );
      }
    });
  }
});
