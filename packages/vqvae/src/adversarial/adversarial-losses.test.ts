import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { featureMatchingLoss, hingeLoss, lecamLoss, unitFeatures } from "./adversarial-losses.js";

beforeAll(() => tf.setBackend("cpu"));

const scalarOf = (tensor: tf.Tensor) => tensor.dataSync()[0]!;

describe("the losses of a discriminator", () => {
  it("has a hinge at 1 for originals and at −1 for reconstructions", () => {
    // ½ · (mean(1 − .5, 0, 1 + 2) + mean(1 + .5, 0, 0)).
    const real = tf.tensor1d([0.5, 1.5, -2]);
    const fake = tf.tensor1d([0.5, -1.5, -1]);
    expect(scalarOf(hingeLoss({ real, fake }))).toBeCloseTo(0.5 * (3.5 / 3 + 1.5 / 3), 6);
    const [ofReal, ofFake] = tf.grads((real, fake) => hingeLoss({ real: real!, fake: fake! }))([real, fake]);
    // Sums with 0, as there is a −0 among them.
    expect(Array.from(ofReal!.dataSync(), (value) => value + 0)).toEqual([-1 / 6, 0, -1 / 6].map(Math.fround));
    expect(Array.from(ofFake!.dataSync(), (value) => value + 0)).toEqual([1 / 6, 0, 0].map(Math.fround));
  });

  it("holds scores near the running means of the other kind, from one side", () => {
    const anchors = { real: tf.scalar(0.5), fake: tf.scalar(-0.25) };
    const real = tf.tensor1d([1, -1]);
    const fake = tf.tensor1d([-0.5, 0.75]);
    // (1 + .25)² / 2 + (.5 + .5)² / 2.
    expect(scalarOf(lecamLoss({ real, fake }, anchors))).toBeCloseTo(1.5625 / 2 + 0.5, 6);
  });

  it("averages features within layers, then layers, whatever their sizes", () => {
    const made = [tf.tensor2d([[1, 2]]), tf.tensor2d([[0, 0, 0, 4]])];
    const real = [tf.tensor2d([[2, 4]]), tf.tensor2d([[0, 0, 0, 0]])];
    expect(scalarOf(featureMatchingLoss(made, real))).toBeCloseTo((1.5 + 1) / 2, 6);
    const [first] = tf.grads((x) => featureMatchingLoss([x!, made[1]!], real))([made[0]!]);
    expect([...first!.dataSync()]).toEqual([-0.25, -0.25]);
  });

  it("has a finite gradient where all features are 0", () => {
    const x = tf.tensor2d([
      [3, 4],
      [0, 0],
    ]);
    const unit = unitFeatures(x).dataSync();
    expect(unit[0]).toBeCloseTo(0.6, 6);
    expect(unit[1]).toBeCloseTo(0.8, 6);
    const gradient = tf
      .grad((x) => tf.sum(unitFeatures(x)))(x)
      .dataSync();
    expect([...gradient].every(Number.isFinite)).toBe(true);
    // ∂Σ(f/‖f‖) = (1 − f̂ Σf̂)/‖f‖.
    expect(gradient[0]).toBeCloseTo((1 - 0.6 * 1.4) / 5, 5);
    expect(gradient[1]).toBeCloseTo((1 - 0.8 * 1.4) / 5, 5);
  });
});
