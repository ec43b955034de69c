import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

const rows = () => tf.tensor2d([4, 1, 4], [3, 1], "int32");

describe("scattering", () => {
  it("scatterND adds up what meets", async () => {
    await expectParity(() => [
      tf.scatterND(rows(), floats([3, 2]), [5, 2]),
      tf.scatterND(rows(), integers([3]), [6]),
      tf.scatterND(tf.tensor2d([0, 1, 1, 0], [2, 2], "int32"), floats([2, 3]), [2, 2, 3]),
      tf.scatterND(tf.tensor1d([0, 2], "int32"), floats([2, 3]), [4, 3]),
    ]);
  });

  it("tensorScatterUpdate and sparseToDense put in place", async () => {
    const apart = () => tf.tensor2d([4, 1, 0], [3, 1], "int32");
    await expectParity(() => [
      tf.tensorScatterUpdate(floats([5, 2]), apart(), floats([3, 2], 3, 4)),
      tf.sparseToDense(apart(), floats([3]), [5], 7),
      tf.sparseToDense(tf.scalar(2, "int32"), tf.scalar(5), [4], 0),
      tf.sparseToDense(tf.tensor1d([0, 2], "int32"), tf.scalar(true, "bool"), [4], tf.scalar(false, "bool")),
      tf.sparseToDense(tf.tensor2d([0, 1, 1, 0], [2, 2], "int32"), tf.scalar(3), [2, 2], 1),
    ]);
  });

  it("gatherND and batches of gathers", async () => {
    await expectParity(() => {
      const x = floats([2, 3, 4]);
      const indices = tf.tensor2d([2, 0, 1, 1], [2, 2], "int32");
      return [
        tf.gatherND(x, tf.tensor2d([1, 2, 0, 0], [2, 2], "int32")),
        tf.gatherND(x, tf.tensor2d([1], [1, 1], "int32")),
        tf.gather(x, indices, 1, 1),
        tf.gather(x, indices, 2, 1),
        tf.gather(integers([2, 3]), indices, 1, 1),
      ];
    });
  });

  it("a place outside is refused at the call", () => {
    for (const wrong of [
      () => tf.scatterND(tf.tensor2d([5], [1, 1], "int32"), floats([1, 2]), [5, 2]),
      () => tf.gatherND(floats([2, 2]), tf.tensor2d([0, -1], [1, 2], "int32")),
    ]) {
      let error: unknown;
      try {
        wrong();
      } catch (caught) {
        error = caught;
      }
      expect(ShapeError.isInstance(error)).toBe(true);
      expect(String(error)).toContain("does not index into");
    }
  });
});
