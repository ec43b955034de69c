import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity } from "../engine/parity.fixture.js";

describe("sequences", () => {
  it("range: directions, fractions, dtypes, nothing", async () => {
    await expectParity(() => [
      tf.range(0, 5),
      tf.range(5, 0),
      tf.range(0, 1, 0.1),
      tf.range(4, -3, -2),
      tf.range(3, 20, 6, "int32"),
      tf.range(2, 2),
      tf.range(0, 3, -1),
      tf.range(3, 0, 2),
    ]);
  });

  it("linspace", async () => {
    await expectParity(() => [tf.linspace(1, 10, 10), tf.linspace(3, -3, 7), tf.linspace(0, 1, 1)]);
  });
});
