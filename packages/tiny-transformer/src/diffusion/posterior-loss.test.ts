import { Random } from "@mmgen/core";
import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { TinyTransformer, type TransformerBatch } from "../index.js";
import { posteriorLoss } from "./posterior-loss.js";

beforeAll(() => tf.setBackend("cpu"));

const codes = 3;
const maskId = 4;
const vocabularySize = 6; // Legal are ids 1 to 3.
const random = Random.fromSeed(2);

/** Shares that stay, are replaced and are masked in a step: published ones are far smaller, which would hide errors. */
const steps = [
  [0.8, 0.15, 0.05],
  [0.7, 0.1, 0.2],
  [0.6, 0.25, 0.15],
] as const;
const uniformSteps = steps.map(([stay, replace, mask]) => [stay, replace + mask, 0] as const);

type Matrix = number[][];

/** The matrix of one step over the codes and the mask, row by original. */
const stepMatrix = ([stay, replace, mask]: readonly number[]): Matrix => [
  ...Array.from({ length: codes }, (_, k) => [
    ...Array.from({ length: codes }, (_, j) => replace! / codes + (j === k ? stay! : 0)),
    mask!,
  ]),
  [...new Array<number>(codes).fill(0), 1],
];
const multiply = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const identity: Matrix = Array.from({ length: codes + 1 }, (_, i) =>
  Array.from({ length: codes + 1 }, (_, j) => (i === j ? 1 : 0)),
);
const upTo = (all: readonly (readonly number[])[], t: number) =>
  all.slice(0, t).reduce((product, step) => multiply(product, stepMatrix(step)), identity);

/** The row of the table of transitions, from the matrices. */
function transitionsOf(all: readonly (readonly number[])[], t: number): number[] {
  const shares = (m: Matrix) => {
    const [stay, mask] = [m[0]![0]! - m[0]![1]!, m[0]![codes]!];
    return [stay, 1 - stay - mask, mask];
  };
  return [stepMatrix(all[t - 1]!), upTo(all, t - 1), upTo(all, t)].flatMap(shares);
}

/** Divergence and weighted cross-entropy by Bayes' rule over all originals. */
function lossByEnumeration(
  all: readonly (readonly number[])[],
  { t, current, original, p }: { t: number; current: number; original: number; p: number[] },
): number {
  const [step, before, after] = [stepMatrix(all[t - 1]!), upTo(all, t - 1), upTo(all, t)];
  const posterior = (k: number) => identity.map((_, j) => (step[j]![current]! * before[k]![j]!) / after[k]![current]!);
  const truth = posterior(original);
  const modeled = identity.map((_, j) => p.reduce((sum, share, k) => sum + share * posterior(k)[j]!, 0));
  const divergence = truth.reduce((sum, q, j) => sum + (q === 0 ? 0 : q * Math.log(q / modeled[j]!)), 0);
  return divergence - 0.1 * Math.log(p[original]!);
}

const places = [
  { t: 1, current: 0, original: 0 },
  { t: 1, current: 2, original: 0 },
  { t: 2, current: 1, original: 1 },
  { t: 3, current: 1, original: 2 },
  { t: 3, current: 0, original: 0 },
];
const maskedPlaces = [...places, { t: 1, current: 3, original: 1 }, { t: 2, current: 3, original: 0 }];

/** One position a row. */
function tensorsOf(all: readonly (readonly number[])[], of: typeof places) {
  const column = (values: number[]) => tf.tensor2d(values, [values.length, 1], "int32");
  return {
    inputs: column(of.map(({ current }) => (current === codes ? maskId : 1 + current))),
    targets: column(of.map(({ original }) => 1 + original)),
    transitions: tf.tensor2d(of.map(({ t }) => transitionsOf(all, t))),
    legal: tf.tensor2d([[1], [4]], undefined, "int32"),
    crossEntropyWeight: tf.scalar(0.1),
  };
}

/** The gradient of an unequally weighted sum agrees with central differences. */
function expectGradient(fn: (x: tf.Tensor2D) => tf.Tensor1D, x: tf.Tensor2D): void {
  const sum = (x: tf.Tensor) => tf.sum(tf.mul(fn(x as tf.Tensor2D), tf.range(1, 1 + x.shape[0]!, 1)));
  const values = x.dataSync();
  const step = 1e-2;
  const moved = (i: number, by: number) =>
    tf.tidy(
      () =>
        sum(
          tf.tensor2d(
            values.map((value, at) => (at === i ? value + by : value)),
            x.shape,
          ),
        ).dataSync()[0]!,
    );
  tf.grad(sum)(x)
    .dataSync()
    .forEach((slope, i) => {
      // The error of the differences is about 1e-4, of float32 sums over the step as much again.
      expect(slope, `value ${i}`).toBeCloseTo((moved(i, step) - moved(i, -step)) / (2 * step), 2.5);
    });
}

describe("posteriorLoss", () => {
  it.each([
    ["uniform", uniformSteps, places],
    ["mask-and-replace", steps, maskedPlaces],
  ] as const)("equals Bayes' rule over all originals: %s", (_, all, of) => {
    const tensors = tensorsOf(all, [...of]);
    const logits = tf.tensor2d(random.normals(of.length * vocabularySize), [of.length, vocabularySize]);
    const values = logits.arraySync();
    const expected = of.map((place, i) => {
      const weights = values[i]!.slice(1, 4).map(Math.exp);
      const total = weights.reduce((a, b) => a + b);
      return lossByEnumeration(all, { ...place, p: weights.map((weight) => weight / total) });
    });
    const loss = tf.tidy(() => posteriorLoss(logits, tensors));
    loss.dataSync().forEach((value, i) => {
      // float32 sums of six terms around 1
      expect(value, `place ${i}`).toBeCloseTo(expected[i]!, 5);
    });
    expectGradient((x) => posteriorLoss(x, tensors), logits);
    const held = tf.memory().numTensors;
    loss.dispose();
    posteriorLoss(logits, tensors).dispose();
    expect(tf.memory().numTensors).toBe(held - 1);
  });

  it("is the cross-entropy from time 1 to 0", () => {
    const of = [
      { t: 1, current: 0, original: 0 },
      { t: 1, current: 2, original: 1 },
    ];
    const logits = tf.tensor2d([0, 1, 2, 0.5, 9, 9, 0, 1, 2, 0.5, 9, 9], [2, 6]);
    const total = Math.log(Math.E + Math.E ** 2 + Math.E ** 0.5);
    const loss = tf.tidy(() =>
      posteriorLoss(logits, { ...tensorsOf(uniformSteps, of), crossEntropyWeight: tf.scalar(0) }),
    );
    expect(loss.dataSync()[0]).toBeCloseTo(total - 1, 5);
    expect(loss.dataSync()[1]).toBeCloseTo(total - 2, 5);
  });

  it("is finite, gradient included, for hopeless logits and known places with any id", () => {
    const tensors = {
      ...tensorsOf(uniformSteps, [...places.slice(0, 3)]),
      inputs: tf.tensor2d([[1], [5], [0]], undefined, "int32"),
      targets: tf.tensor2d([[2], [5], [1]], undefined, "int32"),
    };
    const logits = tf.tensor2d([0, 500, -500, 0, 0, 0, ...new Array<number>(6).fill(0), 0, -900, 900, 0, 0, 0], [3, 6]);
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => tf.sum(posteriorLoss(x as tf.Tensor2D, tensors)))(logits);
    expect([...value.dataSync(), ...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });
});

describe("the loss of a diffusion batch", () => {
  const options = { vocabularySize, contextLength: 4, width: 4, heads: 1, layers: 1, causal: false };
  const ids = (data: number[]) => ({ data: Int32Array.from(data), count: 2, length: 4 });
  const batch: TransformerBatch = {
    inputs: ids([1, 4, 4, 2, 4, 3, 1, 4]),
    targets: ids([1, 2, 3, 2, 1, 3, 1, 2]),
    weights: Float32Array.of(0, 4, 4, 0, 1.25, 0, 0, 1.25),
  };
  const training = { training: true, random };

  it("divides Σ −log p / t by the number of codes, as MDLM does, not by the sum of the weights", async () => {
    using model = TinyTransformer.create(options, { random });
    const nats = await model.lossPerPosition(batch);
    const sum = nats.reduce((total, value, i) => total + value * batch.weights![i]!, 0);
    const { total, metrics, targetWeight } = model.loss({ ...batch, weightSum: 8 }, training);
    expect(targetWeight).toBe(8);
    expect(total.dataSync()[0]).toBeCloseTo(sum / 8, 5);
    expect(metrics.natsPerId!.dataSync()[0]).toBeCloseTo(sum / 8, 5);
    const plain = model.loss(batch, training);
    expect(plain.total.dataSync()[0]).toBeCloseTo(sum / 10.5, 5);
    expect(plain.targetWeight).toBe(10.5);
  });

  it("is 0 where no code was masked, and still a step to learn from", () => {
    using model = TinyTransformer.create(options, { random });
    const empty = { ...batch, weights: new Float32Array(8), weightSum: 8 };
    const { total, targetWeight } = model.loss(empty, training);
    expect([total.dataSync()[0], targetWeight]).toEqual([0, 8]);
  });

  it("is that of the posteriors where the batch has them, and leaves no tensor behind", () => {
    using model = TinyTransformer.create(options, { random });
    const legal = { from: new Int32Array(4).fill(1), to: new Int32Array(4).fill(4) };
    const transitions = Float32Array.from([...transitionsOf(steps, 2), ...transitionsOf(steps, 3)]);
    const posterior = { transitions, legal, crossEntropyWeight: 0.1 };
    const weights = Float32Array.of(0, 1, 1, 1, 1, 1, 1, 1);
    const expected = tf.tidy(() => {
      const logits = tf.reshape(model.forward(tf.tensor2d(batch.inputs.data, [2, 4], "int32")), [8, 6]) as tf.Tensor2D;
      const tensors = {
        inputs: tf.tensor2d(batch.inputs.data, [2, 4], "int32"),
        targets: tf.tensor2d(batch.targets.data, [2, 4], "int32"),
        transitions: tf.tensor2d(transitions, [2, 9]),
        legal: tf.tensor2d(
          [
            [1, 1, 1, 1],
            [4, 4, 4, 4],
          ],
          undefined,
          "int32",
        ),
        crossEntropyWeight: tf.scalar(0.1),
      };
      return tf.sum(tf.mul(posteriorLoss(logits, tensors), tf.tensor1d(weights))).dataSync()[0]! / 7;
    });
    const held = tf.memory().numTensors;
    const { total, metrics } = model.loss({ ...batch, weights, posterior }, training);
    expect(total.dataSync()[0]).toBeCloseTo(expected, 5);
    tf.dispose([total, Object.values(metrics)]);
    expect(tf.memory().numTensors).toBe(held);
    const short = { ...posterior, transitions: transitions.slice(1) };
    expect(() => model.loss({ ...batch, weights, posterior: short }, training)).toThrow(
      "posterior.transitions: expected a typed array of 18 numbers, got 17.",
    );
    expect(tf.memory().numTensors).toBe(held);
  });
});
