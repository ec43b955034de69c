import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

describe("blocks", () => {
  it("space to batch and back, with gradients", async () => {
    const apart = (x: tf.Tensor) =>
      tf.spaceToBatchND(
        x,
        [2, 3],
        [
          [1, 0],
          [0, 1],
        ],
      );
    const together = (x: tf.Tensor) =>
      tf.batchToSpaceND(
        x,
        [2, 3],
        [
          [1, 0],
          [0, 1],
        ],
      );
    await expectParity(() => [apart(floats([2, 3, 5, 2])), apart(integers([1, 3, 5, 1]))]);
    await expectParity(() => together(floats([12, 2, 2, 2])));
    await expectParity(() => tf.grad((x) => tf.square(apart(x)))(floats([2, 3, 5, 2])));
    await expectParity(() => tf.grad((x) => tf.square(together(x)))(floats([12, 2, 2, 2])));
    await expectParity(() =>
      tf.batchToSpaceND(
        floats([4, 2, 3, 2, 2]),
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
    );
  });

  it("depth to space", async () => {
    await expectParity(() => tf.depthToSpace(floats([2, 3, 2, 8]) as tf.Tensor4D, 2));
  });
});
