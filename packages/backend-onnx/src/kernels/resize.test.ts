import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

const sizes: readonly (readonly [number, number])[] = [
  [3, 3],
  [10, 10],
  [7, 2],
  [1, 1],
];

describe("resizing", () => {
  for (const [name, alignCorners, halfPixelCenters] of [
    ["corners as they are", false, false],
    ["corners aligned", true, false],
    ["half pixels", false, true],
  ] as const) {
    for (const [kind, resize] of [
      ["bilinear", tf.image.resizeBilinear],
      ["nearest", tf.image.resizeNearestNeighbor],
    ] as const) {
      it(`${kind}, ${name}: values and gradients`, async () => {
        for (const size of sizes) {
          const operation = (x: tf.Tensor) => resize(x as tf.Tensor4D, [...size], alignCorners, halfPixelCenters);
          await expectParity(() => [operation(floats([2, 5, 5, 3])), operation(floats([4, 6, 1]))]);
          // The cpu backend's gradients are right for square images only, the nearest ones for a single one.
          await expectParity(() => tf.grad((x) => tf.square(operation(x)))(floats([1, 5, 5, 3])), { tolerance: 1e-5 });
        }
      });
    }
  }

  it("integers: floats between them, integers among them", async () => {
    await expectParity(() => {
      const x = integers([1, 3, 3, 2]) as tf.Tensor4D;
      return [tf.image.resizeBilinear(x, [5, 5]), tf.image.resizeNearestNeighbor(x, [5, 5])];
    });
  });
});
