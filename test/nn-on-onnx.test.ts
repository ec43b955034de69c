import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import * as nn from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { gradientsOf, nameOf, sweepPrograms } from "../packages/nn/src/gradients/sweep.fixture.js";

beforeAll(() => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
});

/** Gradients of ordinary operations with their values worked out by hand. */
const cases: Readonly<Record<string, readonly [gradient: () => tf.Tensor, values: readonly number[]]>> = {
  "avgPool of one stride, same": [
    () => tf.grad((x) => tf.sum(tf.avgPool(x as tf.Tensor4D, 3, 1, "same")))(tf.zeros([1, 3, 3, 1])),
    [0.69444, 1.11111, 0.69444, 1.11111, 1.77778, 1.11111, 0.69444, 1.11111, 0.69444],
  ],
  "avgPool of two strides, same": [
    () => tf.grad((x) => tf.sum(tf.avgPool(x as tf.Tensor4D, 2, 2, "same")))(tf.zeros([1, 3, 3, 1])),
    [0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 1],
  ],
  "resizeBilinear by half pixels": [
    () =>
      tf.grad((x) => tf.sum(tf.image.resizeBilinear(x as tf.Tensor4D, [4, 4], false, true)))(tf.zeros([1, 2, 2, 1])),
    [4, 4, 4, 4],
  ],
  "resizeNearestNeighbor by half pixels": [
    () =>
      tf.grad((x) => tf.sum(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [5, 1], false, true)))(
        tf.zeros([1, 3, 1, 1]),
      ),
    [2, 1, 2],
  ],
  "resizeNearestNeighbor of two images": [
    () =>
      tf.grad((x) =>
        tf.sum(
          tf.mul(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [4, 4]), tf.reshape(tf.range(0, 32), [2, 4, 4, 1])),
        ),
      )(tf.zeros([2, 2, 2, 1])),
    [10, 18, 42, 50, 74, 82, 106, 114],
  ],
  "resizeBilinear of an image that is not square": [
    () => tf.sum(tf.grad((x) => tf.sum(tf.image.resizeBilinear(x as tf.Tensor4D, [4, 6])))(tf.zeros([1, 2, 3, 1]))),
    [24],
  ],
  "cumsum of columns": [() => tf.grad((x) => tf.sum(tf.cumsum(x, 0)))(tf.ones([2, 3])), [2, 2, 2, 1, 1, 1]],
  "cumsum of columns of a square": [() => tf.grad((x) => tf.sum(tf.cumsum(x, 0)))(tf.ones([2, 2])), [2, 2, 1, 1]],
  "cumsum along the last axis": [() => tf.grad((x) => tf.sum(tf.cumsum(x, -1)))(tf.ones([2, 3])), [3, 2, 1, 3, 2, 1]],
  "prod along the last axis": [
    () =>
      tf.grad((x) => tf.sum(tf.prod(x, -1)))(
        tf.tensor2d([
          [1, 2],
          [3, 4],
        ]),
      ),
    [2, 1, 4, 3],
  ],
  "prod with a zero": [() => tf.grad((x) => tf.prod(x))(tf.tensor1d([0, 2])), [2, 0]],
  "max of equals, summed": [() => tf.sum(tf.grad((x) => tf.max(x))(tf.tensor1d([0.6, 0.6, 0.3]))), [1]],
  "gather with a batch axis": [
    () => tf.grad((x) => tf.sum(tf.gather(x, tf.tensor2d([[0], [2]], [2, 1], "int32"), 1, 1)))(tf.zeros([2, 3])),
    [1, 0, 0, 0, 0, 1],
  ],
  "gather with two batch axes": [
    () => tf.grad((x) => tf.sum(tf.gather(x, tf.zeros([1, 2, 2], "int32"), 2, 2)))(tf.zeros([1, 2, 3])),
    [2, 0, 0, 2, 0, 0],
  ],
  "matMul with a shared operand": [
    () =>
      tf.grads((a, b) => tf.sum(tf.matMul(a!, b!)))([
        tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]),
        tf.tensor2d([
          [9, 10],
          [11, 12],
        ]),
      ])[1]!,
    [16, 16, 20, 20],
  ],
  "squaredDifference, broadcast": [
    () => tf.grads((a, m) => tf.sum(tf.squaredDifference(a!, m!)))([tf.zeros([2, 3]), tf.ones([3])])[1]!,
    [4, 4, 4],
  ],
  "maximum with a number": [
    () =>
      tf.grads((a, b) => tf.sum(tf.maximum(a!, b!)))([
        tf.tensor2d([
          [0, 1, 2],
          [3, 4, 5],
        ]),
        tf.scalar(2.5),
      ])[1]!,
    [3],
  ],
  "mirrorPad, reflect": [
    () => tf.grad((x) => tf.sum(tf.mirrorPad(x, [[1, 1]], "reflect")))(tf.tensor1d([1, 2, 3])),
    [1, 3, 1],
  ],
  "mirrorPad, symmetric": [
    () => tf.grad((x) => tf.sum(tf.mirrorPad(x, [[1, 1]], "symmetric")))(tf.tensor1d([1, 2, 3])),
    [2, 1, 2],
  ],
};

describe.each(["cpu", "onnx"])("gradients worked out by hand, on %s", (backend) => {
  it("are right", async () => {
    expect(await tf.setBackend(backend)).toBe(true);
    // All are computed before the first is read: on onnx, in one graph.
    const found = Object.entries(cases).map(([name, [gradient]]) => [name, tf.tidy(gradient)] as const);
    for (const [name, gradient] of found) {
      const values = [...gradient.dataSync()];
      const expected = cases[name]![1];
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
  gelu: layer((x: tf.Tensor) => nn.gelu(x), [0, 3]),
  "gelu, tanh": layer((x: tf.Tensor) => nn.gelu(x, { approximate: "tanh" }), [0, 3]),
  relu: layer(nn.relu, [0, 3]),
  dropout: layer((x: tf.Tensor) => nn.dropout(x, dropout()), [0, 3]),
  softmaxCrossEntropy: layer((x: tf.Tensor) => nn.softmaxCrossEntropy(x, tf.zeros([0], "int32")), [0, 3]),
};

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
