import { CheckpointError, ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import { adamW } from "./adamw.js";
import { clipByGlobalNorm } from "./clip-by-global-norm.js";
import { Optimizer } from "./optimizer.js";
import { addDecayedWeights, scale, scaleBySchedule } from "./scale.js";
import { scaleByAdam } from "./scale-by-adam.js";
import { constantSchedule, linearSchedule } from "./schedules.js";
import { chain, type GradientTransform, partition } from "./transform.js";

let variables: Map<string, tf.Variable>;
beforeEach(() => {
  variables = new Map<string, tf.Variable>([
    ["bias", tf.tidy(() => tf.variable(tf.tensor1d([0.5, -1])))],
    ["weight", tf.tidy(() => tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2])))],
  ]);
});
afterEach(() => {
  tf.dispose([...variables.values()]);
});

/** The variables after a step with the gradients (3, 4) for `bias` and 0 for `weight`. */
function after(transform: GradientTransform, { learningRate = 1, steps = 1 } = {}) {
  const optimizer = Optimizer.create(variables, transform);
  for (let step = 0; step < steps; step++) {
    tf.tidy(() => void optimizer.update({ bias: tf.tensor1d([3, 4]) }, learningRate));
  }
  optimizer.dispose();
  return Object.fromEntries([...variables].map(([name, variable]) => [name, [...variable.dataSync()]]));
}

describe("transforms", () => {
  it("are gradient descent where there is none", () => {
    expect(after(chain(), { learningRate: 0.5 })).toEqual({ bias: [-1, -3], weight: [1, 2, 3, 4] });
  });

  it("clip by the norm of all gradients", () => {
    const { bias } = after(clipByGlobalNorm(0.5));
    expect(bias![0]).toBeCloseTo(0.5 - 0.3, 6);
    expect(bias![1]).toBeCloseTo(-1 - 0.4, 6);
    expect(after(clipByGlobalNorm(5.1)).bias![0]).toBeCloseTo(bias![0]! - 3, 6);
  });

  it("decay matrices, or the variables that `decays` names, by the learning rate", () => {
    expect(after(addDecayedWeights(0.5), { learningRate: 0.5 })).toEqual({
      bias: [-1, -3],
      weight: [0.75, 1.5, 2.25, 3],
    });
    const decays = (name: string) => name === "bias";
    expect(after(addDecayedWeights(1, { decays }))).toEqual({ bias: [-3, -4], weight: [0.75, 1.5, 2.25, 3] });
  });

  it("scale steps and the decay before them, by variable and by a schedule", () => {
    const slow = scale((name) => (name === "bias" ? 0.5 : 0));
    expect(after(chain(addDecayedWeights(0.5), slow))).toEqual({ bias: [-1, -3], weight: [1, 2, 3, 4] });
    expect(after(chain(slow, addDecayedWeights(0.5)))).toEqual({ bias: [-2.5, -5], weight: [0.5, 1, 1.5, 2] });
    const halving = scaleBySchedule(linearSchedule({ learningRate: 1, totalSteps: 2 })); // 1, then 0.5
    expect(after(halving, { steps: 2 }).bias).toEqual([-2.5 - 4.5, -5 - 6]);
  });

  it("give each group of variables its own", () => {
    const groupOf = (name: string) => (name === "bias" ? "slow" : "rest");
    const both = partition(groupOf, { slow: scale(0.5), rest: addDecayedWeights(0.5) });
    expect(after(both)).toEqual({ bias: [-1, -3], weight: [0.5, 1, 1.5, 2] });
    const two = partition(groupOf, { slow: adamW({ clipNorm: 1 }), rest: adamW() });
    const optimizer = Optimizer.create(variables, two);
    return expect(optimizer.toArrays().then((arrays) => [...arrays.keys()].sort()))
      .resolves.toEqual(["firstMoment.bias", "firstMoment.weight", "secondMoment.bias", "secondMoment.weight"])
      .finally(() => optimizer.dispose());
  });

  it("slow a variable down through AdamW's learningRateFactor", () => {
    const start = [...variables.get("bias")!.dataSync()];
    const learningRateFactor = (name: string) => (name === "bias" ? 0.25 : 0);
    const { bias, weight } = after(adamW({ learningRateFactor, weightDecay: 1 }), { learningRate: 0.125 });
    bias!.forEach((value, i) => void expect(value).toBeCloseTo(start[i]! - 0.125 / 4, 6));
    expect(weight).toEqual([1, 2, 3, 4]);
  });

  it("refuse state of the same name, and numbers out of range", () => {
    const twice = chain(scaleByAdam(), scaleByAdam());
    expect(() => Optimizer.create(variables, twice)).toThrow(/"firstMoment.weight"/);
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => scale(wrong)).toThrow(ConfigError);
      expect(() => addDecayedWeights(wrong)).toThrow(ConfigError);
      expect(() => after(scale(() => wrong))).toThrow(ConfigError);
    }
    expect(() => clipByGlobalNorm(0)).toThrow(ConfigError);
  });
});

describe("train with a transform", () => {
  const options = (optimizer: GradientTransform) => ({
    model: new TinyRegression(Random.fromSeed(3)),
    examples: points(Random.fromSeed(7), 50),
    batchSize: 8,
    steps: 12,
    schedule: constantSchedule(0.02),
    random: Random.fromSeed(11),
    optimizer,
  });

  it("takes AdamW's steps with AdamW's parts, and resumes only with the same ones", async () => {
    const named = await train({ ...options(adamW({ clipNorm: 1 })) });
    const parts = chain(clipByGlobalNorm(1), scaleByAdam(), addDecayedWeights(0.01));
    const composed = await train(options(parts));
    const losses = ({ history }: typeof named) => history.steps.map(({ loss }) => loss);
    expect(losses(composed)).toEqual(losses(named));
    const other = chain(clipByGlobalNorm(2), scaleByAdam(), addDecayedWeights(0.01));
    await expect(train({ ...options(other), resume: composed.state })).rejects.toThrow(CheckpointError);
    await expect(train({ ...options(parts), resume: composed.state })).resolves.toMatchObject({ step: 12 });
  });
});
