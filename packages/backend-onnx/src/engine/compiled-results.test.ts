import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { KernelError } from "@mmgen/core";
import { afterEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "./onnx-backend.js";
import { registerOnnxBackend, useOnnx } from "./register-onnx-backend.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

const start = (options: object): Promise<OnnxBackend> => useOnnx({ intraOpNumThreads: 1, ...options });
const read = (tensor: tf.Tensor) => [...tensor.dataSync()];
const zeros = () => tf.tidy(() => tf.variable(tf.zeros([2]))) as tf.Variable;

describe.each([
  ["the binding", { runtime: "binding" }],
  ["the C API", { runtime: "c-api" }],
  ["the C API with all results in its memory", { runtime: "c-api", keepOnDevice: true }],
  ["the C API, replayed", { runtime: "c-api", keepOnDevice: true, replay: true }],
] as const)("a compiled function on %s", (_, options) => {
  it("returns and assigns one value several times", async () => {
    const backend = await start(options);
    const [v, w] = [zeros(), zeros()];
    const step = backend.compile((x: tf.Tensor) => {
      const sum = tf.add(v, x);
      v.assign(sum);
      w.assign(sum);
      return { sum, again: sum };
    });
    for (let i = 1; i <= 6; i++) {
      const { sum, again } = tf.tidy(() => step(tf.tensor1d([1, 2])));
      sum.dispose();
      expect([again, v, w].map(read)).toEqual(Array(3).fill([i, 2 * i]));
      again.dispose();
    }
  });

  it("lets no weights of earlier steps pile up while a tensor is unread", async () => {
    const backend = await start(options);
    const v = zeros();
    const step = backend.compile((x: tf.Tensor) => {
      v.assign(tf.add(v, x));
      return tf.mean(v);
    });
    const taken = () => {
      tf.tidy(() => step(tf.scalar(1)).dataSync());
      return tf.memory() as unknown as { readonly deviceBytes: number };
    };
    taken();
    const unread = tf.mul(tf.tensor1d([1, 2, 3]), 2);
    const [first] = [taken(), taken(), taken()].slice(-1).map(({ deviceBytes }) => deviceBytes);
    const later = Array.from({ length: 20 }, () => taken().deviceBytes).at(-1);
    expect(later).toBe(first);
    expect(read(unread)).toEqual([2, 4, 6]);
  });

  it("fails alone, and what it kept beyond its call fails alone", async () => {
    const backend = await start(options);
    const other = tf.mul(tf.tensor1d([1, 2]), 3);
    const kept: tf.Tensor[] = [];
    const step = backend.compile((x: tf.Tensor) => {
      kept.push(tf.keep(tf.mul(x, 2)), tf.keep(tf.mul(tf.range(0, 3), 2)));
      return tf.add(x, 1);
    });
    expect(read(step(tf.tensor1d([1, 2])))).toEqual([2, 3]);
    expect(read(other)).toEqual([3, 6]);
    expect(read(kept[1]!)).toEqual([0, 2, 4]);
    expect(() => read(kept[0]!)).toThrow(/depends on the inputs of a compiled function/);
    tf.dispose(kept);

    const beyond = tf.add(tf.tensor1d([5], "int32"), tf.scalar(1, "int32"));
    const failing = tf.gather(tf.tensor1d([1, 2, 3]), beyond);
    const plain = backend.compile((x: tf.Tensor) => tf.add(x, 1));
    expect(read(plain(tf.tensor1d([1])))).toEqual([2]);
    expect(() => read(failing)).toThrow(KernelError);
    failing.dispose();
  });
});

it("a compiled function that makes variables and assigns them is refused, as they would begin anew at every call", async () => {
  const backend = await start({});
  const v = zeros();
  const optimizer = tf.train.momentum(0.1, 0.9);
  const step = backend.compile(() => {
    const { grads } = tf.variableGrads(() => tf.sum(tf.square(tf.sub(v, 1))) as tf.Scalar);
    optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
  });
  expect(step).toThrow(/made the variable .* Make it before/);
  const twos: tf.Variable[] = [];
  const scale = backend.compile((x: tf.Tensor) => {
    twos.push(tf.variable(tf.mul(tf.ones([2]), 2)));
    return tf.mul(x, twos[0]!);
  });
  for (let i = 0; i < 2; i++) {
    expect(read(scale(tf.tensor1d([1, 2])))).toEqual([2, 4]);
  }
});

it("0 and −0 are two arguments", async () => {
  const backend = await start({});
  const divide = backend.compile((x: tf.Tensor, by: number) => tf.div(x, tf.mul(x, by)));
  const x = tf.tensor1d([1]);
  expect([0, -0].map((by) => read(divide(x, by)))).toEqual([[Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY]]);
});

it("a recorded transpose undone is the tensor itself, though a variable has let go of it", async () => {
  await start({ runtime: "c-api", keepOnDevice: true });
  const weight = tf.tidy(() => tf.variable(tf.add(tf.tensor2d([[1], [2]]), 1))) as tf.Variable;
  weight.dataSync();
  const there = tf.transpose(weight);
  tf.tidy(() => weight.assign(tf.zeros([2, 1])));
  const back = tf.transpose(there);
  for (const tensor of [back, there, back]) {
    expect(read(tensor)).toEqual([2, 3]);
  }
  tf.dispose([there, back, weight]);
  expect((tf.memory() as unknown as { readonly deviceBytes: number }).deviceBytes).toBe(0);
});
