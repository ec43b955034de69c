import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { normal, relu } from "../index.js";
import { expectNoLeak, expectSameGradients } from "./finite-differences.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

describe("relu", () => {
  it("has tfjs's values and gradients", () => {
    const inputs = [normal([3, 4, 5], { random: Random.fromSeed(4) })];
    expectSameGradients(
      (x) => relu(x!),
      (x) => tf.relu(x!),
      inputs,
    );
    expectNoLeak((x) => relu(x!), inputs);
  });

  it("is flat at zero and below", () => {
    const gradient = tf.grad((x) => tf.sum(relu(x)))(tf.tensor1d([-1, 0, 2]));
    expect([...gradient.dataSync()]).toEqual([0, 0, 1]);
  });
});
