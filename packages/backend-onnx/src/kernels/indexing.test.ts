import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { expectParity, floats } from "../engine/parity.fixture.js";

const ids = (values: number[], shape: number[] = [values.length]) => tf.tensor(values, shape, "int32");

describe("gather, scatter and one-hot", () => {
  it("oneHot: depths, values, dtypes, indices outside", async () => {
    await expectParity(() => [
      tf.oneHot(ids([0, 2, 1]), 3),
      tf.oneHot(ids([0, 2, 1, 1], [2, 2]), 4, 5, -1),
      tf.oneHot(ids([0, 7, -1]), 3),
      tf.oneHot(ids([1]), 2, 1, 0, "int32"),
      tf.oneHot(ids([1]), 2, 1, 0, "bool"),
      tf.oneHot(ids([1], []), 2),
    ]);
  });

  it("unsortedSegmentSum: few and many segments, absent and negative ids", async () => {
    for (const segments of [3, 2000]) {
      await expectParity(() => tf.unsortedSegmentSum(floats([4, 2]), ids([0, 2, 0, 1]) as tf.Tensor1D, segments), {
        tolerance: 1e-5,
      });
      await expectParity(() => tf.unsortedSegmentSum(floats([4]), ids([1, -1, 1, 2]) as tf.Tensor1D, segments), {
        tolerance: 1e-5,
      });
    }
  });

  it("unsortedSegmentSum of integers, and ids past the last segment", async () => {
    const x = () => tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2], "int32");
    await expectParity(() => tf.unsortedSegmentSum(x(), ids([1, 0, 1]) as tf.Tensor1D, 2));
    for (const segments of [2, 2000]) {
      await expectParity(() => tf.unsortedSegmentSum(floats([3]), ids([1, segments, 0]) as tf.Tensor1D, segments));
    }
  });

  it("a computed index beyond its batch is refused, not looked up in the next", async () => {
    const x = tf.tensor2d([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    for (const index of [-1, 3]) {
      const indices = tf.add(ids([index - 1, 0], [2, 1]), tf.scalar(1, "int32"));
      expect(() => tf.gather(x, indices, 1, 1).dataSync()).toThrow(/Gather/);
    }
    const inside = tf.add(ids([1, 0], [2, 1]), tf.scalar(1, "int32"));
    expect([...tf.gather(x, inside, 1, 1).dataSync()]).toEqual([3, 5]);
  });

  it("a computed index that is negative is refused, not counted from the end", async () => {
    await tf.setBackend("onnx");
    const index = tf.sub(ids([1, 0]), tf.scalar(1, "int32"));
    expect([...tf.gather(tf.tensor1d([5, 6]), tf.abs(index)).dataSync()]).toEqual([5, 6]);
    expect(() => tf.gather(tf.tensor1d([5, 6]), index).dataSync()).toThrow(/Gather/);
  });

  it("the gradient of gather, as embeddings use it", async () => {
    for (const rows of [5, 1500]) {
      await expectParity(() => tf.grad((table) => tf.gather(table, ids([1, 3, 1, 0], [2, 2])))(floats([rows, 3])), {
        tolerance: 1e-5,
      });
    }
    await expectParity(() => tf.grad((table) => tf.gather(table, ids([1, 0, 1]), 1))(floats([2, 3, 2])), {
      tolerance: 1e-5,
    });
  });

  it("gather in batches runs in the fallback", async () => {
    await expectParity(() => tf.gather(floats([2, 3, 2]), ids([0, 2, 1, 1], [2, 2]), 1, 1), { fallback: ["GatherV2"] });
  });

  it("gatherND", async () => {
    await expectParity(() =>
      tf.gatherND(floats([3, 4]), tf.cast(tf.round(tf.tensor2d([1, 2, 0, 3], [2, 2])), "int32")),
    );
    await expectParity(() => tf.gatherND(floats([3, 4]), ids([1, 0], [2, 1])), { fallback: ["GatherNd"] });
  });

  it("an index out of range is an error, and the backend goes on", async () => {
    await tf.setBackend("onnx");
    expect(() => tf.gather(floats([3, 2]), ids([3]))).toThrow(/3 is not in \[0, 2\]/);
    const late = tf.gather(floats([3, 2]), tf.cast(tf.mul(tf.tensor1d([1, 2]), 4), "int32"));
    await expect(late.data()).rejects.toThrow(/Gather/);
    await expect(late.data()).rejects.toThrow(/Gather/);
    expect([...tf.add(tf.tensor1d([1]), 1).dataSync()]).toEqual([2]);
    expect((tf.backend() as OnnxBackend).memory().pendingValues).toBe(0);
  });
});
