import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

describe("sorting", () => {
  it("topk, the first of equals first", async () => {
    for (const k of [0, 1, 3, 6]) {
      await expectParity(() => {
        const [x, n] = [tf.topk(floats([3, 6]), k), tf.topk(integers([2, 6], -2, 2), k)];
        return [x.values, x.indices, n.values, n.indices];
      });
    }
  });

  it("searchSorted from both sides", async () => {
    const sequence = () => tf.tensor2d([0, 3, 9, 9, 10, 1, 2, 3, 4, 5], [2, 5]);
    const sought = () => tf.tensor2d([2, 4, 9, 0, 2, 6], [2, 3]);
    await expectParity(() => [
      tf.searchSorted(sequence(), sought(), "left"),
      tf.searchSorted(sequence(), sought(), "right"),
    ]);
  });
});
