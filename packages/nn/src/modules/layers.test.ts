import { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { causalMask } from "../layers/attention.js";
import { kaimingUniform, normal } from "../weights/initializers.js";
import { BatchNorm2d } from "./batch-norm2d.js";
import { Convolution2d, TransposedConvolution2d } from "./convolution2d.js";
import { Embedding } from "./embedding.js";
import { updateRunningStatistics } from "./forward-pass.js";
import { GroupNorm } from "./group-norm.js";
import { LayerNorm } from "./layer-norm.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { SelfAttention } from "./self-attention.js";

const random = Random.fromSeed(5);
let tensorsBefore: number;

beforeEach(async () => {
  await tf.setBackend("cpu");
  tensorsBefore = tf.memory().numTensors;
});

afterEach(() => {
  expect(tf.memory().numTensors).toBe(tensorsBefore);
});

function values(compute: () => tf.Tensor): Float32Array {
  return tf.tidy(() => compute().dataSync().slice()) as Float32Array;
}

function shapes(module: Module): Record<string, readonly number[]> {
  return Object.fromEntries([...module.weights].map(([name, { shape }]) => [name, shape]));
}

describe("Linear", () => {
  it("starts as PyTorch's, or as it is given", () => {
    using layer = new Linear({ inputs: 4, outputs: 3 }).initializeWeights(random);
    expect(shapes(layer)).toEqual({ weight: [3, 4], bias: [3] });
    expect(layer.weight.value.dataSync()).toEqual(random.fork("weight").uniforms(12, -0.5, 0.5));
    expect(layer.bias!.value.dataSync()).toEqual(random.fork("bias").uniforms(3, -0.5, 0.5));
    const weight = (shape: readonly number[], random: Random) => normal(shape, { random, standardDeviation: 0.02 });
    using given = new Linear({ inputs: 4, outputs: 3, initial: { weight } }).initializeWeights(random);
    expect(given.weight.value.dataSync()).toEqual(random.fork("weight").normals(12, 0.02));
    expect(given.bias!.value.dataSync()).toEqual(new Float32Array(3));
  });

  it("maps the last axis, with or without a bias", () => {
    using layer = new Linear({ inputs: 2, outputs: 1, bias: false }).initializeWeights(random);
    expect(shapes(layer)).toEqual({ weight: [1, 2] });
    tf.tidy(() => layer.weight.variable.assign(tf.tensor2d([[2, 3]])));
    expect(values(() => layer.forward(tf.tensor3d([[[1, 1]], [[0, 1]]])))).toEqual(Float32Array.of(5, 3));
  });
});

describe("convolutions", () => {
  it("start as PyTorch's", () => {
    using down = new Convolution2d({ inputs: 2, outputs: 3, filter: 4, stride: 2 }).initializeWeights(random);
    using up = new TransposedConvolution2d({ inputs: 3, outputs: 2, filter: 4, stride: 2 }).initializeWeights(random);
    expect([shapes(down), shapes(up)]).toEqual([
      { weight: [4, 4, 2, 3], bias: [3] },
      { weight: [4, 4, 2, 3], bias: [2] },
    ]);
    const expected = values(() =>
      kaimingUniform([4, 4, 2, 3], { random: random.fork("weight"), fanIn: 32, gain: 1 / Math.sqrt(3) }),
    );
    expect(down.weight.value.dataSync()).toEqual(expected);
    // Its fan-in is 2 · 16 as well: outputs, by PyTorch's rule.
    expect(up.weight.value.dataSync()).toEqual(expected);
    expect(up.bias.value.dataSync()).toEqual(random.fork("bias").uniforms(2, -1 / Math.sqrt(32), 1 / Math.sqrt(32)));
    expect(down.weight.fileShape).toEqual([3, 2, 4, 4]);
  });

  it("shrink and grow by the stride", () => {
    using down = new Convolution2d({ inputs: 1, outputs: 2, filter: 4, stride: 2 }).initializeWeights(random);
    using up = new TransposedConvolution2d({ inputs: 2, outputs: 1, filter: 4, stride: 2 }).initializeWeights(random);
    const shape = tf.tidy(() => {
      const half = down.forward(tf.ones([2, 6, 4, 1]));
      return [half.shape, up.forward(half).shape];
    });
    expect(shape).toEqual([
      [2, 3, 2, 2],
      [2, 6, 4, 1],
    ]);
  });
});

describe("Embedding and LayerNorm", () => {
  it("have PyTorch's names and first values", () => {
    using table = new Embedding({ rows: 3, width: 2 }).initializeWeights(random);
    expect(table.weight.value.dataSync()).toEqual(random.fork("weight").normals(6, 1));
    expect(values(() => table.forward(tf.tensor2d([[2]], [1, 1], "int32")))).toEqual(
      table.weight.value.dataSync().slice(4),
    );
    using norm = new LayerNorm({ width: 2 }).initializeWeights(random);
    expect(shapes(norm)).toEqual({ weight: [2], bias: [2] });
    expect(values(() => norm.forward(tf.tensor2d([[-3, 5]])))[1]).toBeCloseTo(1, 5);
    expect(shapes(new LayerNorm({ width: 2, bias: false }))).toEqual({ weight: [2] });
  });
});

describe("BatchNorm2d", () => {
  class Net extends Module {
    readonly norm: BatchNorm2d;
    constructor(runningVariance: "biased" | "unbiased") {
      super();
      this.norm = new BatchNorm2d({ channels: 1, runningVariance });
    }
  }

  it.each([
    ["unbiased", 20 / 3],
    ["biased", 5],
  ] as const)("gathers %s running statistics in training and uses them after", (kind, variance) => {
    using net = new Net(kind).initializeWeights(random);
    expect(Object.keys(shapes(net))).toEqual(["norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"]);
    tf.tidy(() => {
      const statistics = new Map<string, tf.Tensor>();
      const x = tf.tensor4d([0, 2, 4, 6], [1, 2, 2, 1]);
      const output = net.norm.forward(x, { training: true, statistics });
      expect(tf.mean(output).dataSync()[0]).toBeCloseTo(0, 6);
      expect(statistics.get("norm.running_mean")!.dataSync()[0]).toBe(3);
      expect(statistics.get("norm.running_var")!.dataSync()[0]).toBeCloseTo(variance, 5);
      updateRunningStatistics(net.buffers, [...statistics, ["norm.weight", x]]);
      expect(net.norm.runningMean.value.dataSync()[0]).toBeCloseTo(0.3, 6);
      expect(net.norm.runningVariance.value.dataSync()[0]).toBeCloseTo(0.9 + 0.1 * variance, 5);
      const after = net.norm.forward(x, { training: false });
      expect(after.dataSync()[0]).toBeCloseTo(-0.3 / Math.sqrt(0.9 + 0.1 * variance + 1e-5), 5);
    });
  });
});

describe("GroupNorm", () => {
  it("has PyTorch's names and first values, and is the same in training and after", () => {
    using net = new GroupNorm({ channels: 4, groups: 2 }).initializeWeights(random);
    expect(shapes(net)).toEqual({ weight: [4], bias: [4] });
    expect([...net.weight.value.dataSync(), ...net.bias.value.dataSync()]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    // One group holds 0, 2, 4, 6: mean 3, variance 5.
    const x = () => tf.tensor4d([0, 2, 9, 9, 4, 6, 9, 9], [1, 1, 2, 4]);
    const output = values(() => net.forward(x()));
    const std = Math.sqrt(5 + 1e-5);
    [-3 / std, -1 / std, 0, 0, 1 / std, 3 / std, 0, 0].forEach((value, i) => {
      expect(output[i]).toBeCloseTo(value, 6);
    });
  });

  it("makes groups of 8 channels, or of the next smaller divisor, unless told otherwise", () => {
    const groupsOf = (channels: number) => new GroupNorm({ channels }).groups;
    expect([8, 32, 128, 12, 6, 7, 22, 1].map(groupsOf)).toEqual([1, 4, 16, 2, 1, 1, 11, 1]);
    expect(() => new GroupNorm({ channels: 4, groups: 3 })).toThrow("a divisor of the 4 channels, got 3 (number)");
  });
});

describe("SelfAttention", () => {
  it("is a projection of attended values", () => {
    using layer = new SelfAttention({ width: 4, heads: 2 }).initializeWeights(random);
    expect(shapes(layer)).toEqual({
      "input.weight": [12, 4],
      "input.bias": [12],
      "output.weight": [4, 4],
      "output.bias": [4],
    });
    tf.tidy(() => {
      const x = tf.tensor3d(random.fork("x").normals(12), [1, 3, 4]);
      const masked = layer.forward(x, { mask: causalMask(3) });
      expect(masked.shape).toEqual([1, 3, 4]);
      // Of the first position a causal mask leaves only its own value.
      const { v } = layer.split(tf.slice(x, [0, 0, 0], [1, 1, 4]));
      const first = layer.merge(v).dataSync();
      for (const [i, value] of first.entries()) {
        expect(masked.dataSync()[i]).toBeCloseTo(value, 5);
      }
    });
  });

  it("takes other names, and refuses heads that do not divide the width", () => {
    class Renamed extends SelfAttention {
      static override readonly paths = { input: "c_attn", output: "c_proj" };
    }
    expect(Object.keys(shapes(new Renamed({ width: 4, heads: 1, bias: false })))).toEqual([
      "c_attn.weight",
      "c_proj.weight",
    ]);
    expect(() => new SelfAttention({ width: 4, heads: 3 })).toThrow("width 4 must be divisible by heads, got 3");
  });
});
