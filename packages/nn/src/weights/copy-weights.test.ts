import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { Linear } from "../modules/linear.js";
import { Module } from "../modules/module.js";
import { copyWeights } from "./copy-weights.js";

class Two extends Module {
  readonly first: Linear;
  readonly second: Linear;

  constructor(hidden: number, classes: number, bias = true) {
    super();
    this.first = new Linear({ inputs: 3, outputs: hidden });
    this.second = new Linear({ inputs: hidden, outputs: classes, bias });
  }
}

const made = (seed: number, ...sizes: ConstructorParameters<typeof Two>) =>
  new Two(...sizes).initializeWeights(Random.fromSeed(seed));
const values = (model: Module, name: string) => [...model.parameters.get(name)!.dataSync()];

describe("copyWeights", () => {
  it("copies what both have in the same shape, and names the rest", () => {
    using from = made(1, 4, 2, false);
    using to = made(2, 4, 2);
    const bias = values(to, "second.bias");
    expect(copyWeights(from, to)).toEqual(["second.bias"]);
    expect(values(to, "first.weight")).toEqual(values(from, "first.weight"));
    expect(values(to, "second.bias")).toEqual(bias);
    using wider = made(3, 4, 5);
    const second = values(wider, "second.weight");
    expect(copyWeights(from, wider)).toEqual(["second.weight", "second.bias"]);
    expect(values(wider, "second.weight")).toEqual(second);
  });

  it("makes copies, which neither model's changes nor end touches, and leaves no tensor behind", () => {
    const from = made(1, 4, 2);
    using to = made(2, 4, 2);
    const before = tf.memory().numTensors;
    copyWeights(from, to);
    expect(tf.memory().numTensors).toBe(before);
    const weight = values(from, "first.weight");
    tf.tidy(() => from.parameters.get("first.weight")!.assign(tf.zeros([4, 3])));
    from.dispose();
    expect(values(to, "first.weight")).toEqual(weight);
  });
});
