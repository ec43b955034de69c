import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { KernelError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

let backend: OnnxBackend;

beforeEach(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  backend = tf.backend() as OnnxBackend;
});
afterEach(() => tf.engine().reset());

const read = (tensor: tf.Tensor) => [...tensor.dataSync()];

describe("compile", () => {
  it("traces once per signature and replays with other values", () => {
    let traced = 0;
    const double = backend.compile((x: tf.Tensor) => {
      traced++;
      return tf.add(x, x);
    });
    expect(read(double(tf.tensor1d([1, 2])))).toEqual([2, 4]);
    expect(read(double(tf.tensor1d([3, 4])))).toEqual([6, 8]);
    expect(traced).toBe(1);
    expect(read(double(tf.tensor1d([1, 2, 3])))).toEqual([2, 4, 6]);
    expect(double(tf.tensor1d([1, 2], "int32")).dtype).toBe("int32");
    expect(traced).toBe(3);
  });

  it("nested structures of tensors and primitives, in and out", () => {
    const step = backend.compile(({ x, layers }: { x: tf.Tensor; layers: tf.Tensor[] }, scale: number) => ({
      sum: layers.reduce((sum, layer) => tf.add(sum, layer), x),
      scaled: [tf.mul(x, scale), x] as const,
      label: "done",
    }));
    for (const value of [1, 5]) {
      const layers = [tf.tensor1d([value]), tf.tensor1d([value + 1])];
      const result = step({ x: tf.tensor1d([10]), layers }, 3);
      expect(read(result.sum)).toEqual([10 + 2 * value + 1]);
      expect(result.scaled.map(read)).toEqual([[30], [10]]);
      expect(result.label).toBe("done");
    }
    expect(read(step({ x: tf.tensor1d([10]), layers: [] }, 4).scaled[0])).toEqual([40]);
  });

  it("a variable that a replay assigns leaves its clones as they are", () => {
    const weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])));
    const step = backend.compile((x: tf.Tensor) => {
      weight.assign(tf.add(weight, x));
      return tf.sum(weight);
    });
    const x = tf.tensor1d([1, 1]);
    step(x).dispose();
    const { numTensors } = tf.memory();
    const clone = weight.clone();
    expect(read(step(x))).toEqual([7]);
    expect(read(step(x))).toEqual([9]);
    expect([read(clone), read(weight)]).toEqual([
      [2, 3],
      [4, 5],
    ]);
    clone.dispose();
    // Its results are read, not disposed.
    expect(tf.memory().numTensors).toBe(numTensors + 2);
  });

  it("captured variables are read anew, captured tensors stay", () => {
    const weight = tf.tidy(() => tf.variable(tf.tensor2d([1, 2], [1, 2])));
    const offset = tf.tensor1d([100]);
    // A reshape of a captured variable is fed in its other shape.
    const run = backend.compile((x: tf.Tensor) => tf.add(tf.mul(x, tf.reshape(weight, [2])), offset));
    expect(read(run(tf.tensor1d([1, 1])))).toEqual([101, 102]);
    tf.tidy(() => weight.assign(tf.tensor2d([5, 6], [1, 2])));
    expect(read(run(tf.tensor1d([1, 1])))).toEqual([105, 106]);
    tf.tidy(() => weight.assign(tf.add(weight, 1) as tf.Tensor2D));
    offset.dispose();
    expect(read(run(tf.tensor1d([1, 1])))).toEqual([106, 107]);
  });

  it("constants are built into the session, and built anew once they have changed", () => {
    const weight = tf.tidy(() => tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2])));
    let traced = 0;
    const run = backend.compile<[tf.Tensor2D], tf.Tensor>(
      (x: tf.Tensor2D, w: tf.Tensor2D) => {
        traced++;
        return tf.add(tf.matMul(x, w), tf.gather(w, 0));
      },
      { constants: () => [weight] },
    );
    const x = tf.tensor2d([1, 1], [1, 2]);
    const before = backend.sessions();
    for (let i = 0; i < 3; i++) {
      expect(read(run(x))).toEqual([5, 8]);
    }
    expect(backend.sessions().misses - before.misses).toBe(1);
    for (let i = 1; i <= 5; i++) {
      tf.tidy(() => weight.assign(tf.tensor2d([i, i, i, i], [2, 2])));
      expect(read(run(x))).toEqual([3 * i, 3 * i]);
    }
    // Those of earlier weights are gone.
    expect(backend.sessions().sessions - before.sessions).toBe(1);
    expect(traced).toBe(1);
    expect(read(tf.grad((x) => run(x as tf.Tensor2D))(x))).toEqual([10, 10]);
  });

  it("constants in another shape, and those made of one number, are built in once", () => {
    const constants = [tf.reshape(tf.tensor1d([1, 2, 3, 4]), [2, 2]), tf.zerosLike(tf.scalar(3))];
    const sum = backend.compile(
      (x: tf.Tensor, ...all: tf.Tensor[]) => tf.addN([x, ...all.map((each) => tf.sum(each))]),
      {
        constants: () => constants,
      },
    );
    for (let i = 0; i < 3; i++) {
      expect(read(sum(tf.scalar(i)))).toEqual([10 + i]);
    }
    expect(backend.sessions().misses).toBe(1);
  });

  it("constants of many bytes are fed", () => {
    const weight = tf.zeros([2 ** 14, 2 ** 13]);
    const first = (x: tf.Tensor, w: tf.Tensor) => tf.add(x, tf.slice(w, [0, 0], [1, 2]));
    const sum = backend.compile<[tf.Tensor], tf.Tensor>(first, { constants: () => [weight] });
    const { modelBytes } = backend.sessions();
    expect(read(sum(tf.tensor2d([1, 2], [1, 2])))).toEqual([1, 2]);
    expect(backend.sessions().modelBytes - modelBytes).toBeLessThan(10_000);
  });

  it("a variable assigned within is assigned at every call", () => {
    const count = tf.tidy(() => tf.variable(tf.scalar(0)));
    const run = backend.compile((x: tf.Tensor) => {
      count.assign(tf.add(count, 1) as tf.Scalar);
      return tf.mul(x, count);
    });
    expect(read(run(tf.scalar(2)))).toEqual([2]);
    expect(read(run(tf.scalar(2)))).toEqual([4]);
    expect(read(count)).toEqual([2]);
  });

  it("a whole training step, compiled", () => {
    const weight = tf.tidy(() => tf.variable(tf.scalar(5)));
    const step = backend.compile((target: tf.Tensor) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(
          () => tf.square(tf.sub(weight, target)) as tf.Scalar,
          [weight as tf.Variable],
        );
        weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.25)) as tf.Scalar);
        return value;
      }),
    );
    const losses = [1, 1, 1].map((target) => read(step(tf.scalar(target)))[0]);
    expect(losses).toEqual([16, 4, 1]);
  });

  it("inputs still pending are computed first, results are the caller's", () => {
    const run = backend.compile((x: tf.Tensor) => tf.add(x, 1));
    tf.dispose(run(tf.tensor1d([0])));
    const before = tf.memory().numTensors;
    const pending = tf.mul(tf.tensor1d([2]), 3);
    const result = run(tf.reshape(pending, [1]));
    expect(read(result)).toEqual([7]);
    tf.dispose([pending, result]);
    tf.tidy(() => {
      run(tf.tensor1d([1]));
    });
    // The two tensors this test made and never disposed: the operand and the reshaped one.
    expect(tf.memory().numTensors).toBe(before + 2);
  });

  it("inside a gradient the function is differentiated", () => {
    const square = backend.compile((x: tf.Tensor) => tf.square(x));
    square(tf.scalar(1));
    expect(read(tf.grad((x) => square(x))(tf.scalar(3)))).toEqual([6]);
  });

  it("compiled functions within compiled functions", () => {
    const inner = backend.compile((x: tf.Tensor) => tf.add(x, 1));
    const outer = backend.compile((x: tf.Tensor) => tf.mul(inner(x), 2));
    expect(read(outer(tf.scalar(1)))).toEqual([4]);
    expect(read(outer(tf.scalar(2)))).toEqual([6]);
  });

  it("survives the eviction of its session", () => {
    const run = backend.compile((x: tf.Tensor) => tf.exp(tf.mul(x, 0)));
    run(tf.scalar(1));
    for (let size = 1; size <= 70; size++) {
      tf.tidy(() => tf.add(tf.ones([size]), 1).dataSync());
    }
    expect(backend.sessions().evictions).toBeGreaterThan(0);
    expect(read(run(tf.scalar(2)))).toEqual([1]);
  });

  it("a read of what depends on an input is an error that says so; other reads are fine", () => {
    const known = tf.tensor1d([3]);
    const fine = backend.compile((x: tf.Tensor) => tf.mul(x, known.dataSync()[0]!));
    expect(read(fine(tf.scalar(2)))).toEqual([6]);
    const wrong = backend.compile((x: tf.Tensor) => (x.dataSync()[0]! > 0 ? tf.add(x, 1) : x));
    let error: unknown;
    try {
      wrong(tf.scalar(1));
    } catch (caught) {
      error = caught;
    }
    expect(KernelError.isInstance(error)).toBe(true);
    expect(String(error)).toContain("tf.where");
    expect(read(fine(tf.scalar(3)))).toEqual([9]);
  });
});
