import "@tensorflow/tfjs-backend-cpu";
import { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { adamW } from "./adamw.js";
import { applyElementwise } from "./elementwise.js";
import { muon } from "./muon.js";
import { Optimizer } from "./optimizer.js";
import { WeightAverage } from "./weight-average.js";

/** Has the active backend group tensors as a device does. */
const group = () => Object.assign(tf.backend(), { groupsEqualShapes: true });
afterEach(() => void Reflect.deleteProperty(tf.backend(), "groupsEqualShapes"));

describe("applyElementwise", () => {
  const shapes = [[3], [2, 2], [1], [4], []];
  const numbers = (shape: number[], first: number) =>
    tf.tensor(
      Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => first + i / 7),
      shape,
    );

  it("gives each tensor its own results, with one call for all vectors", () => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, i) => [numbers(shape, i), numbers(shape, 10 * i)]);
      const apply = vi.fn(([a, b]: readonly tf.Tensor[]) => [tf.mul(a!, b!), tf.sub(a!, b!)]);
      const results = applyElementwise(inputs, apply);
      // The matrix, the scalar, and all vectors together.
      expect(apply).toHaveBeenCalledTimes(3);
      for (const [i, [a, b]] of inputs.entries()) {
        for (const [j, expected] of [tf.mul(a!, b!), tf.sub(a!, b!)].entries()) {
          expect(results[i]![j]!.shape).toEqual(shapes[i]);
          expect([...results[i]![j]!.dataSync()]).toEqual([...expected.dataSync()]);
        }
      }
    });
  });

  it("takes no tensor at all", () => {
    expect(applyElementwise([], (tensors) => tensors)).toEqual([]);
    group();
    expect(applyElementwise([], (tensors) => tensors)).toEqual([]);
  });

  it("calls once for each shape where the backend groups, up to 32 tensors at once", () => {
    tf.tidy(() => {
      const inputs = [...Array(40).keys()].flatMap((i) => [
        [numbers([2], i), numbers([2], 2 * i)],
        ...(i < 3 ? [[numbers([2, 3], i), numbers([2, 3], 3 * i)]] : []),
        ...(i === 5 ? [[numbers([], 7), numbers([], 8)]] : []),
      ]);
      const expected = inputs.map(([a, b]) => [tf.mul(a!, b!), tf.sub(a!, b!)]);
      const apply = vi.fn(([a, b]: readonly tf.Tensor[]) => [tf.mul(a!, b!), tf.sub(a!, b!)]);
      group();
      const results = applyElementwise(inputs, apply);
      expect(apply.mock.calls.map(([[first]]) => first!.shape)).toEqual([[40], [40], [6, 3], []]);
      for (const [i, result] of results.entries()) {
        for (const [j, tensor] of result.entries()) {
          expect(tensor.shape).toEqual(expected[i]![j]!.shape);
          expect([...tensor.dataSync()]).toEqual([...expected[i]![j]!.dataSync()]);
        }
      }
    });
  });
});

describe("updates of tensors in groups", () => {
  const shapes = [[4, 3], [3], [4, 3], [2, 2, 4, 3], [3], [5], [4, 3], [], [2, 2, 4, 3], []];

  /** Variables, moments and averages after three steps. */
  async function train(transform: Parameters<typeof Optimizer.create>[1]) {
    const random = Random.fromSeed(4);
    const drawn = (shape: number[]) => tf.tensor(random.normals(tf.util.sizeFromShape(shape), 1), shape);
    const variables = new Map(
      shapes.map((shape, i) => [`${i}`, tf.tidy(() => tf.variable(drawn(shape)))] as [string, tf.Variable]),
    );
    const optimizer = Optimizer.create(variables, transform);
    const average = new WeightAverage(variables, { decay: 0.9 });
    const norms: number[] = [];
    for (let step = 1; step <= 3; step++) {
      tf.tidy(() => {
        const gradients = Object.fromEntries([...variables].map(([name, { shape }]) => [name, drawn(shape)]));
        norms.push(optimizer.update(gradients, 0.01 / step).dataSync()[0]!);
        average.update(step);
      });
    }
    const numbers = [...variables.values()].map((variable) => [...variable.dataSync()]);
    const result = { norms, numbers, state: await optimizer.toArrays(), average: await average.toArrays() };
    tf.dispose([...variables.values()]);
    optimizer.dispose();
    average.dispose();
    return result;
  }

  it.each([
    ["AdamW", adamW({ weightDecay: 0.1, clipNorm: 1e3 })],
    ["AdamW at two rates", adamW({ learningRateFactor: (name) => (name < "3" ? 0.5 : 1) })],
    ["Muon", muon({ weightDecay: 0.1 })],
  ])("leave %s the same bits", async (_, transform) => {
    const { norms, ...expected } = await train(transform);
    const tensors = tf.memory().numTensors;
    group();
    const { norms: found, ...grouped } = await train(transform);
    expect(grouped).toEqual(expected);
    // Squares are added in another order.
    found.forEach((norm, i) => void expect(norm).toBeCloseTo(norms[i]!, 5));
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it("are clipped to the same norm but for rounding", async () => {
    const expected = await train(adamW({ clipNorm: 0.5 }));
    group();
    const { numbers } = await train(adamW({ clipNorm: 0.5 }));
    numbers.flat().forEach((number, i) => void expect(number).toBeCloseTo(expected.numbers.flat()[i]!, 5));
  });
});
