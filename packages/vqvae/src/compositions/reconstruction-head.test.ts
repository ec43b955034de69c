import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { reconstructionHead } from "./reconstruction-head.js";

beforeAll(() => tf.setBackend("cpu"));

describe("levels of a decoder's output", () => {
  it.each([
    ["regression", [-10, -1, -0.4, 0.3, 1, 10], [0, 0, 1, 2, 3, 3]],
    ["sigmoid", [-10, -1.7, -0.5, 0.5, 1.5, 10], [0, 0, 1, 2, 2, 3]],
  ] as const)("of %s stay in the image range, however far the output goes", (name, output, levels) => {
    tf.tidy(() => {
      const head = reconstructionHead(name, 1, 3);
      expect([...head.levels(tf.tensor4d([...output], [1, 1, 6, 1])).dataSync()]).toEqual(levels);
    });
  });
});
