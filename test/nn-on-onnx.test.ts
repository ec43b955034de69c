import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import * as nn from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { gradientsOf, nameOf, sweepPrograms } from "../packages/nn/src/gradients/sweep.fixture.js";
import { gradientCases } from "./fixtures/gradient-cases.fixture.js";

beforeAll(() => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
});

describe.each(["cpu", "onnx"])("gradients worked out by hand, on %s", (backend) => {
  it("are right", async () => {
    expect(await tf.setBackend(backend)).toBe(true);
    // All are computed before the first is read: on onnx, in one graph.
    const found = Object.entries(gradientCases).map(([name, [gradient]]) => [name, tf.tidy(gradient)] as const);
    for (const [name, gradient] of found) {
      const values = [...gradient.dataSync()];
      const expected = gradientCases[name]![1];
      const error = Math.max(...expected.map((value, i) => Math.abs(value - values[i]!)));
      expect(values, name).toHaveLength(expected.length);
      expect(error, `${name}: ${values}`).toBeLessThan(1e-4);
      gradient.dispose();
    }
  });
});

describe("the gradients of the sweep", () => {
  it("are on onnx what they are on cpu", async () => {
    const wrong: string[] = [];
    // Programs of one graph: its compilation takes longer than it runs, but grows faster than its size.
    const chunk = 12;
    for (let first = 0; first < sweepPrograms.length; first += chunk) {
      const programs = sweepPrograms.slice(first, first + chunk);
      await tf.setBackend("cpu");
      const onCpu = programs.map((program) => compute(program).map((gradient) => gradient.dataSync()));
      await tf.setBackend("onnx");
      const onOnnx = programs.map(compute);
      programs.forEach((program, i) => {
        onCpu[i]!.forEach((expected, input) => {
          const values = onOnnx[i]![input]!.dataSync();
          const error = Math.max(
            ...expected.map((value, j) => Math.abs(value - values[j]!) / Math.max(1, Math.abs(value))),
          );
          if (!(error <= 1e-4)) {
            wrong.push(`${nameOf(program)}: input ${input}: ${values}, on cpu ${expected}`);
          }
        });
      });
      tf.dispose(onOnnx);
    }
    expect(wrong).toEqual([]);
  });
});

function compute(program: (typeof sweepPrograms)[number]): tf.Tensor[] {
  return tf.tidy(() => gradientsOf(program, program.inputs()));
}

type Layer = (...inputs: tf.Tensor[]) => tf.Tensor;
const layer = (run: unknown, ...shapes: readonly number[][]) => [run as Layer, shapes] as const;
const groupNorm = (x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D) =>
  nn.groupNorm(x, scale, offset, { groups: 2 });
const dropout = () => ({ rate: 0.5, random: Random.fromSeed(1) });
const heads = [0, 2, 3, 4];

/** Layers, and the shapes of their inputs, of which some have no elements. */
const layers: Readonly<Record<string, readonly [Layer, readonly number[][]]>> = {
  linear: layer(nn.linear, [0, 3], [2, 3], [2]),
  "linear, rank 3": layer(nn.linear, [2, 0, 3], [2, 3], [2]),
  layerNorm: layer(nn.layerNorm, [0, 3], [3], [3]),
  embedding: layer((table: tf.Tensor) => nn.embedding(table, tf.zeros([0, 2], "int32")), [4, 3]),
  attention: layer(nn.attention, heads, heads, heads),
  "attention without queries": layer(nn.attention, [1, 2, 0, 4], [1, 2, 3, 4], [1, 2, 3, 4]),
  "attention, dropout": layer(
    (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => nn.attention(q, k, v, { dropout: dropout() }),
    heads,
    heads,
    heads,
  ),
  causalAttention: layer(nn.causalAttention, heads, heads, heads),
  conv2d: layer(nn.conv2d, [0, 4, 4, 2], [3, 3, 2, 3], [3]),
  convTranspose2d: layer(nn.convTranspose2d, [0, 4, 4, 2], [4, 4, 3, 2], [3]),
  batchNorm: layer(
    (x: tf.Tensor4D, scale: tf.Tensor1D, offset: tf.Tensor1D) => nn.batchNorm(x, scale, offset).output,
    [0, 4, 4, 2],
    [2],
    [2],
  ),
  batchNormInference: layer(nn.batchNormInference, [0, 4, 4, 2], [2], [2], [2], [2]),
  groupNorm: layer(groupNorm, [0, 4, 4, 2], [2], [2]),
  "groupNorm without places": layer(groupNorm, [2, 0, 4, 2], [2], [2]),
  upsampleNearest: layer((x: tf.Tensor4D) => nn.upsampleNearest(x), [0, 4, 4, 2]),
  rotary: layer(
    (x: tf.Tensor) => nn.rotary(x, nn.rotaryTable2d({ rows: [0], columns: [1], headWidth: 4 })),
    [0, 2, 1, 4],
  ),
  gelu: layer((x: tf.Tensor) => nn.gelu(x), [0, 3]),
  "gelu, tanh": layer((x: tf.Tensor) => nn.gelu(x, { approximate: "tanh" }), [0, 3]),
  relu: layer(nn.relu, [0, 3]),
  silu: layer(nn.silu, [0, 3]),
  leakyRelu: layer((x: tf.Tensor) => nn.leakyRelu(x), [0, 3]),
  dropout: layer((x: tf.Tensor) => nn.dropout(x, dropout()), [0, 3]),
  softmaxCrossEntropy: layer((x: tf.Tensor) => nn.softmaxCrossEntropy(x, tf.zeros([0], "int32")), [0, 3]),
};

/** Layers for images, and the shapes of their inputs. */
const imageLayers: Readonly<Record<string, readonly [Layer, readonly number[][]]>> = {
  groupNorm: layer(groupNorm, [4, 3, 5, 32], [32], [32]),
  "groupNorm of one image of many places": layer(groupNorm, [1, 40, 40, 16], [16], [16]),
  "groupNorm of few channels": layer(groupNorm, [2, 3, 3, 6], [6], [6]),
  silu: layer(nn.silu, [4, 3, 5, 32]),
  leakyRelu: layer((x: tf.Tensor) => nn.leakyRelu(x, 0.2), [4, 3, 5, 32]),
  upsampleNearest: layer((x: tf.Tensor4D) => nn.upsampleNearest(x), [4, 3, 5, 32]),
  "upsampleNearest by 3": layer((x: tf.Tensor4D) => nn.upsampleNearest(x, 3), [2, 3, 2, 3]),
  spectralNorm: layer((x: tf.Tensor) => nn.spectralNorm(x, tf.ones([5])).weight, [3, 3, 2, 5]),
  rotary: layer(
    (x: tf.Tensor) => nn.rotary(x, nn.rotaryTable2d({ rows: [0, 1, 5], columns: [1, 0, 2], headWidth: 8 })),
    [2, 2, 3, 8],
  ),
};

describe("layers for images", () => {
  // After a convolution the onnx backend holds images in blocks of channels.
  const convolved = (x: tf.Tensor) => {
    const filter = tf.reshape(tf.cos(tf.range(0, 9 * x.shape[3]! ** 2)), [3, 3, x.shape[3]!, x.shape[3]!]);
    return nn.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, tf.zeros([x.shape[3]!]));
  };
  const compute = ([run, shapes]: readonly [Layer, readonly number[][]], first: (x: tf.Tensor) => tf.Tensor) =>
    tf.tidy(() => {
      const inputs = shapes.map((shape, i) => nn.normal(shape, { random: Random.fromSeed(i) }));
      const value = (...[x, ...rest]: tf.Tensor[]) => run(first(x!), ...rest);
      const { grads } = tf.valueAndGrads((...all: tf.Tensor[]) => {
        const result = value(...all);
        return tf.sum(tf.mul(result, tf.reshape(tf.cos(tf.range(0, result.size)), result.shape)));
      })(inputs);
      return [value(...inputs), ...grads];
    });

  it.each(Object.keys(imageLayers))("%s: on onnx what it is on cpu, also after a convolution", async (name) => {
    const work = imageLayers[name]!;
    const starts =
      work[1][0]!.length === 4 && name !== "rotary" ? [(x: tf.Tensor) => x, convolved] : [(x: tf.Tensor) => x];
    for (const start of starts) {
      await tf.setBackend("cpu");
      const onCpu = compute(work, start).map((tensor) => tensor.dataSync());
      await tf.setBackend("onnx");
      compute(work, start).forEach((tensor, i) => {
        const scale = Math.max(1, ...onCpu[i]!.map(Math.abs));
        const error = Math.max(...tensor.dataSync().map((value, at) => Math.abs(value - onCpu[i]![at]!)));
        expect(error / scale, `${name}: result ${i}`).toBeLessThan(1e-5);
      });
    }
  });
});

describe.each(["cpu", "onnx"])("layers on tensors without elements, on %s", (backend) => {
  it.each(Object.keys(layers))("%s: the empty result, and gradients of 0", async (name) => {
    await tf.setBackend(backend);
    const [run, shapes] = layers[name]!;
    tf.tidy(() => {
      const inputs = shapes.map((shape) => tf.ones(shape));
      const { value, grads } = tf.valueAndGrads((...args: tf.Tensor[]) => tf.sum(run(...args)))(inputs);
      const result = run(...inputs);
      expect([result.size, result.shape.includes(0), [...result.dataSync()]]).toEqual([0, true, []]);
      expect([...value.dataSync()]).toEqual([0]);
      grads.forEach((gradient, i) => {
        expect(gradient.shape).toEqual(shapes[i]);
        expect([...gradient.dataSync()].every((item) => item === 0)).toBe(true);
      });
    });
  });
});
