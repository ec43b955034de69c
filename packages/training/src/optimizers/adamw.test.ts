import { CheckpointError, ConfigError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdamWOptions, adamW } from "./adamw.js";
import { Optimizer } from "./optimizer.js";

/** Algorithm 2 of Loshchilov and Hutter, one number at a time in float64. */
function referenceStep(
  values: number[],
  gradients: number[],
  moments: { first: number[]; second: number[] },
  step: number,
  options: { learningRate: number; beta1: number; beta2: number; epsilon: number; decay: number; scale: number },
): void {
  const { learningRate, beta1, beta2, epsilon, decay, scale } = options;
  for (let i = 0; i < values.length; i++) {
    const gradient = gradients[i]! * scale;
    moments.first[i] = beta1 * moments.first[i]! + (1 - beta1) * gradient;
    moments.second[i] = beta2 * moments.second[i]! + (1 - beta2) * gradient * gradient;
    const first = moments.first[i]! / (1 - beta1 ** step);
    const second = moments.second[i]! / (1 - beta2 ** step);
    values[i] = values[i]! - learningRate * (first / (Math.sqrt(second) + epsilon) + decay * values[i]!);
  }
}

describe("adamW", () => {
  let variables: Map<string, tf.Variable>;
  beforeEach(() => {
    variables = new Map<string, tf.Variable>([
      ["bias", tf.tidy(() => tf.variable(tf.tensor1d([0.5, -1])))],
      ["weight", tf.tidy(() => tf.variable(tf.tensor2d([0.1, -0.2, 0.3, 0.4, -0.5, 0.6], [3, 2])))],
      ["scale", tf.tidy(() => tf.variable(tf.tensor1d([1])))],
    ]);
  });
  afterEach(() => {
    for (const variable of variables.values()) {
      variable.dispose();
    }
  });

  const randomGradients = (random: Random): Record<string, number[]> =>
    Object.fromEntries([...variables].map(([name, { size }]) => [name, [...random.normals(size, 0.7)]]));
  const upload = (gradients: Record<string, number[]>) =>
    Object.fromEntries(
      Object.entries(gradients).map(([name, values]) => [name, tf.tensor(values, variables.get(name)!.shape)]),
    );

  const cases: [string, AdamWOptions][] = [
    ["the defaults", {}],
    ["no decay", { weightDecay: 0 }],
    ["another beta2, epsilon and decay", { beta2: 0.99, epsilon: 1e-3, weightDecay: 0.3 }],
    ["clipping", { clipNorm: 0.5, weightDecay: 0.1 }],
    ["everything decayed", { decays: () => true, weightDecay: 0.2 }],
    ["nothing decayed", { decays: () => false, weightDecay: 0.2 }],
  ];
  it.each(cases)("equals the published algorithm with %s", (_, options) => {
    const optimizer = Optimizer.create(variables, adamW(options));
    const random = Random.fromSeed(1);
    const expected = Object.fromEntries([...variables].map(([name, variable]) => [name, [...variable.dataSync()]]));
    const moments = Object.fromEntries(
      [...variables].map(([name, { size }]) => [
        name,
        { first: new Array<number>(size).fill(0), second: new Array<number>(size).fill(0) },
      ]),
    );
    for (let step = 1; step <= 50; step++) {
      const learningRate = 0.01 / step;
      const gradients = randomGradients(random);
      const norm = Math.hypot(...Object.values(gradients).flat());
      const scale = options.clipNorm === undefined ? 1 : Math.min(1, options.clipNorm / (norm + 1e-6));
      for (const [name, variable] of variables) {
        const decays = options.decays?.(name, variable) ?? variable.rank >= 2;
        referenceStep(expected[name]!, gradients[name]!, moments[name]!, step, {
          learningRate,
          beta1: options.beta1 ?? 0.9,
          beta2: options.beta2 ?? 0.999,
          epsilon: options.epsilon ?? 1e-8,
          decay: decays ? (options.weightDecay ?? 0.01) : 0,
          scale,
        });
      }
      tf.tidy(() => {
        // float32 has 24 bits: the norm of nine numbers near one is right to a few units of 1e-7.
        expect(optimizer.update(upload(gradients), learningRate).dataSync()[0]).toBeCloseTo(norm, 5);
      });
    }
    for (const [name, variable] of variables) {
      for (const [i, value] of [...variable.dataSync()].entries()) {
        expect(Math.abs(value - expected[name]![i]!)).toBeLessThan(1e-6);
      }
    }
    optimizer.dispose();
  });

  it("takes a first step of one learning rate against each gradient's sign, whatever its size", () => {
    // With zero moments the corrected ratio is g / |g|: the known first step of Adam.
    const optimizer = Optimizer.create(variables, adamW({ weightDecay: 0 }));
    tf.tidy(() => void optimizer.update({ bias: tf.tensor1d([1e-3, -40]) }, 0.125));
    const [low, high] = variables.get("bias")!.dataSync();
    expect(low).toBeCloseTo(0.375, 4);
    expect(high).toBeCloseTo(-0.875, 6);
    expect([...variables.get("scale")!.dataSync()]).toEqual([1]);
    optimizer.dispose();
  });

  it("leaks nothing", () => {
    const start = tf.memory().numTensors;
    const optimizer = Optimizer.create(variables, adamW({ clipNorm: 1 }));
    const gradients = upload(randomGradients(Random.fromSeed(3)));
    optimizer.update(gradients, 0.1).dispose();
    const before = tf.memory().numTensors;
    for (let step = 0; step < 20; step++) {
      optimizer.update(gradients, 0.1).dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(gradients);
    optimizer.dispose();
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it("goes on from its arrays exactly", async () => {
    const random = Random.fromSeed(9);
    const first = Optimizer.create(variables, adamW({ clipNorm: 2 }));
    const before = Array.from({ length: 6 }, () => randomGradients(random));
    const after = Array.from({ length: 6 }, () => randomGradients(random));
    const run = (optimizer: Optimizer, list: Record<string, number[]>[]) => {
      for (const gradients of list) {
        tf.tidy(() => void optimizer.update(upload(gradients), 0.05));
      }
    };
    run(first, before);
    const arrays = await first.toArrays();
    const weights = [...variables.values()].map((variable) => variable.clone());
    run(first, after);
    const expected = [...variables.values()].map((variable) => [...variable.dataSync()]);
    first.dispose();

    for (const [i, variable] of [...variables.values()].entries()) {
      tf.tidy(() => variable.assign(tf.clone(weights[i]!)));
    }
    tf.dispose(weights);
    const second = Optimizer.create(new Map([...variables].reverse()), adamW({ clipNorm: 2 }));
    second.restore(arrays, 6);
    expect(second.steps).toBe(6);
    run(second, after);
    for (const [i, variable] of [...variables.values()].entries()) {
      for (const [j, value] of [...variable.dataSync()].entries()) {
        // Another order of variables adds the squares of the norm in another order.
        expect(value).toBeCloseTo(expected[i]![j]!, 6);
      }
    }
    expect([...arrays.keys()].sort()).toEqual(
      ["bias", "scale", "weight"].flatMap((name) => [`firstMoment.${name}`, `secondMoment.${name}`]).sort(),
    );
    expect(() => second.restore(new Map([...arrays].slice(1)), 6)).toThrow(CheckpointError);
    second.dispose();
  });

  it("keeps a variable without a gradient, whatever its name", () => {
    const kept = tf.tidy(() => tf.variable(tf.tensor1d([7])));
    const optimizer = Optimizer.create(new Map([["constructor", kept]]), adamW({ weightDecay: 0 }));
    tf.tidy(() => void optimizer.update({}, 0.1));
    expect([...kept.dataSync()]).toEqual([7]);
    optimizer.dispose();
    kept.dispose();
  });

  it("refuses what does not fit", () => {
    expect(() => Optimizer.create(new Map(), adamW())).toThrow(ConfigError);
    expect(() => adamW({ beta1: 1 })).toThrow(/beta1/);
    expect(() => adamW({ clipNorm: 0 })).toThrow(/clip.*norm/i);
    const optimizer = Optimizer.create(variables, adamW());
    tf.tidy(() => {
      expect(() => optimizer.update({ other: tf.scalar(1) }, 1)).toThrow(ShapeError);
      expect(() => optimizer.update({ bias: tf.tensor1d([1]) }, 1)).toThrow(/\[2\], got \[1\]/);
    });
    optimizer.dispose();
  });
});
