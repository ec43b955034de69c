import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { ConfigError, KernelError } from "@mmgen/core";
import { afterEach, describe, expect, it } from "vitest";
import { type Environment, openEnvironment } from "../c-api/environment.js";
import { defaultRuntime } from "./open-runtime.js";
import type { OnnxBackendOptions } from "./options.js";
import { floats, integers } from "./parity.fixture.js";
import { registerOnnxBackend, useOnnx } from "./register-onnx-backend.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

/**
 * Where the results of the C API stay: what variables take in ONNX Runtime's memory and the rest in arrays of JavaScript,
 * everything in the one or in the others, or in two sets of buffers that swap roles.
 */
const places = [
  {},
  { keepOnDevice: false },
  { keepOnDevice: true },
  { keepOnDevice: true, replay: true },
  { replay: true },
] as const;

async function inFreshEngine<T>(options: OnnxBackendOptions, compute: () => Promise<T>): Promise<T> {
  await useOnnx({ intraOpNumThreads: 2, ...options });
  const result = await compute();
  tf.engine().reset();
  return result;
}

async function bits(tensors: tf.Tensor[]): Promise<string> {
  const hash = createHash("sha256");
  for (const tensor of tensors) {
    const values = (await tensor.data()) as Float32Array;
    hash
      .update(`${tensor.dtype} ${tensor.shape}`)
      .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}

/** Steps of Adam on a small network of images, with a fresh batch in each; its losses, weights and moments. */
async function train(steps: number): Promise<string> {
  const shapes = [[3, 3, 2, 8], [8], [6 * 6 * 8, 16], [16, 4]];
  const weights = shapes.map((shape, i) =>
    tf.tidy(() => tf.variable(tf.mul(floats(shape, -1, 1, i), 0.2))),
  ) as tf.Variable[];
  const [filter, bias, hidden, output] = weights as [tf.Variable, tf.Variable, tf.Variable, tf.Variable];
  const optimizer = tf.train.adam(0.01);
  const losses: tf.Tensor[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push(
      tf.tidy(() => {
        const images = floats([16, 6, 6, 2], -1, 1, step) as tf.Tensor4D;
        const labels = tf.oneHot(integers([16], 0, 4, step) as tf.Tensor1D, 4);
        return optimizer.minimize(
          () => {
            const convolved = tf.tanh(tf.add(tf.conv2d(images, filter as tf.Tensor4D, 1, "same"), bias));
            const flat = tf.reshape(convolved, [16, -1]);
            const logits = tf.matMul(tf.relu(tf.matMul(flat, hidden as tf.Tensor2D)), output as tf.Tensor2D);
            return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), -1))) as tf.Scalar;
          },
          true,
          weights,
        )!;
      }),
    );
    await losses.at(-1)!.data();
  }
  const moments = (await optimizer.getWeights()).map(({ tensor }) => tensor);
  expect(moments).toHaveLength(1 + 2 * weights.length);
  return bits([...losses, ...weights, ...moments]);
}

/** Programs whose results have every type, rank and size. */
const programs: Readonly<Record<string, () => tf.Tensor[]>> = {
  products: () => [
    tf.matMul(floats([300, 200], -1, 1, 1) as tf.Tensor2D, floats([200, 300], -1, 1, 2) as tf.Tensor2D),
    tf.sum(tf.square(floats([1000]))),
  ],
  types: () => [
    tf.greater(floats([40]), 0),
    tf.cast(floats([3, 5]), "int32"),
    tf.argMax(floats([7, 9]), 1),
    tf.add(tf.scalar(3), 1),
    tf.where(tf.greater(floats([40]), 0), floats([40]), tf.exp(floats([40]))),
  ],
  convolution: () => [
    tf.conv2d(floats([4, 14, 14, 16]) as tf.Tensor4D, floats([3, 3, 16, 32]) as tf.Tensor4D, 2, "same"),
    tf.maxPool(floats([2, 8, 8, 3]) as tf.Tensor4D, 2, 2, "valid"),
  ],
  fallback: () => [tf.unique(integers([20]) as tf.Tensor1D).values, tf.topk(floats([3, 20]), 4).indices],
};

describe("the C API runtime", () => {
  it.each(Object.keys(programs))("computes the binding's bits: %s", async (name) => {
    const compute = () => bits(tf.tidy(programs[name]!));
    const expected = await inFreshEngine({ runtime: "binding" }, compute);
    for (const place of places.filter((place) => !("replay" in place))) {
      expect(await inFreshEngine({ runtime: "c-api", ...place }, compute)).toBe(expected);
    }
  });

  it("trains 20 steps to the same SHA-256 of losses, weights and moments", async () => {
    const expected = await inFreshEngine({ runtime: "binding" }, () => train(20));
    for (const place of places) {
      expect(await inFreshEngine({ runtime: "c-api", ...place }, () => train(20))).toBe(expected);
    }
  });
});

/** Bytes of ONNX Runtime's own memory that are taken. */
const nativeBytes = () => (openEnvironment(2) as Environment).arena!.bytes().inUse;

describe.each(places)("a backend on the C API with %o", (place) => {
  it("ends 1000 steps with the tensors and the native bytes with which it began", async () => {
    const backend = await useOnnx({ runtime: "c-api", intraOpNumThreads: 2, ...place });
    const weight = tf.tidy(() => tf.variable(floats([8, 16]))) as tf.Variable;
    const step = async (i: number) => {
      const loss = tf.tidy(() => {
        const batch = floats([4, 8], -1, 1, i);
        const found = tf.sum(tf.square(tf.matMul(batch as tf.Tensor2D, weight as unknown as tf.Tensor2D)));
        weight.assign(tf.sub(weight, tf.mul(weight, tf.mul(found, 1e-6))));
        return found;
      });
      await loss.data();
      loss.dispose();
    };
    const warmUp = 5;
    for (let i = 0; i < warmUp; i++) {
      await step(i);
    }
    const count = () => ({ ...backend.memory(), tensors: tf.memory().numTensors, native: nativeBytes() });
    const before = count();
    expect(before.deviceBytes).toBe("keepOnDevice" in place && !place.keepOnDevice ? 0 : 4 * 8 * 16);
    // The batch and the rate, and two sets of weight and loss, in one of which the weight lies.
    expect(before.replayBytes).toBe("replay" in place ? 4 * (4 * 8 + 1 + 2 * (8 * 16 + 1) - 8 * 16) : 0);
    for (let i = warmUp; i < warmUp + 1000; i++) {
      await step(i);
    }
    expect(count()).toEqual(before);
    expect(backend.sessions().replayed).toBe("replay" in place ? 1 : 0);
    weight.dispose();
    const { deviceBytes, replayBytes } = backend.memory();
    expect(deviceBytes).toBe(0);
    expect(replayBytes).toBe(before.replayBytes + ("replay" in place ? 4 * 8 * 16 : 0));
    backend.executor.cache.clear();
    expect(backend.memory().replayBytes).toBe(0);
  });

  it("fails with a graph that cannot run, and computes the others", async () => {
    await useOnnx({ runtime: "c-api", ...place });
    const held = nativeBytes();
    const index = tf.cast(tf.mul(tf.tensor1d([5]), 2), "int32");
    const wrong = tf.gather(tf.tensor1d([1, 2]), index);
    const error = await wrong.data().catch((caught: unknown) => caught);
    expect(KernelError.isInstance(error)).toBe(true);
    expect(String(error)).toMatch(/Gather.*out of data bounds/s);
    expect([...(await tf.add(tf.tensor1d([1]), 1).data())]).toEqual([2]);
    tf.engine().reset();
    expect(nativeBytes()).toBeLessThanOrEqual(held);
  });
});

it("results in ONNX Runtime's memory are read when somebody asks, in any shape, and freed with their tensor", async () => {
  const backend = await useOnnx({ runtime: "c-api", keepOnDevice: true });
  const y = tf.add(tf.tensor1d([1, 2, 3, 4]), 1);
  expect([...y.dataSync()]).toEqual([2, 3, 4, 5]);
  const square = tf.reshape(y, [2, 2]) as tf.Tensor2D;
  const product = tf.matMul(square, square);
  expect([...(await product.data())]).toEqual([16, 21, 28, 37]);
  expect(backend.memory().deviceBytes).toBe(32);
  const run = backend.compile((x: tf.Tensor) => tf.mul(x, product));
  run(product).dispose();
  expect([...run(product).dataSync()]).toEqual([256, 441, 784, 1369]);
  tf.dispose([y, square]);
  expect(backend.memory().deviceBytes).toBe(32);
  backend.dispose();
  expect(backend.memory().deviceBytes).toBe(0);
});

it("what variables take stays in ONNX Runtime's memory, other results are at hand, and so are constants", async () => {
  const backend = await useOnnx({ runtime: "c-api", intraOpNumThreads: 1 });
  const weight = tf.tidy(() => tf.variable(floats([32, 64]))) as tf.Variable;
  const product = (x: tf.Tensor, w: tf.Tensor) => tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D);
  const bytes = 4 * weight.size;
  const optimizer = tf.train.adam(0.1);
  const loss = () => tf.sum(tf.square(product(floats([2, 32]), weight))) as tf.Scalar;
  for (let i = 0; i < 3; i++) {
    const taken = tf.tidy(() => optimizer.minimize(loss, true, [weight])!);
    const square = tf.square(weight);
    await taken.data();
    // The weight and both moments: not the square, which was computed with them.
    expect(backend.memory().deviceBytes).toBe(3 * bytes);
    expect(square.dataSync()).toBe(square.dataSync());
    tf.dispose([taken, square]);
  }
  // Constants are copied into the graph from there.
  const { modelBytes } = backend.sessions();
  const x = tf.ones([1, 32]);
  const found = backend.compile(product as (x: tf.Tensor) => tf.Tensor, { constants: () => [weight] })(x);
  expect(backend.sessions().modelBytes).toBeGreaterThan(modelBytes + bytes);
  const expected = tf.tidy(() => tf.sum(weight, 0));
  const [sums, products] = await Promise.all([expected.data(), found.data()]);
  // Sums of 32 numbers of the size of one, in another order.
  sums.forEach((sum, i) => void expect(products[i]).toBeCloseTo(sum, 5));
  tf.dispose([x, found, expected, weight]);
  optimizer.dispose();
  expect(backend.memory().deviceBytes).toBe(0);
});

it.each(["binding", "c-api"] as const)("a variable outlives its backend on the runtime %s", async (runtime) => {
  const before = nativeBytes();
  const first = await useOnnx({ runtime, intraOpNumThreads: 1 });
  const weight = tf.variable(tf.tensor1d([1, 2])) as tf.Variable;
  tf.tidy(() => weight.assign(tf.mul(weight, 3)));
  await first.flush();
  expect(first.memory().deviceBytes).toBe(runtime === "c-api" ? 8 : 0);
  const second = await useOnnx({ runtime, intraOpNumThreads: 1 });
  expect(first.memory().deviceBytes).toBe(0);
  // Of whatever a function is traced for, its variables become inputs.
  const found = second.compile((x: tf.Tensor) => tf.add(x, 1))(tf.tensor1d([1]));
  expect([...found.dataSync()]).toEqual([2]);
  expect([...weight.dataSync()]).toEqual([3, 6]);
  tf.engine().reset();
  expect(nativeBytes()).toBeLessThanOrEqual(before);
});

it("graphs of one structure, of which variables take different results, have keys of their own", async () => {
  const backend = await useOnnx({ runtime: "c-api" });
  const values = [1, 2].map((addend) => backend.value(tf.add(tf.tensor1d([addend, 3]), addend)));
  const keys = [[], [values[0]!], [values[1]!], values].map(
    (assigned) => backend.planner.plan(values, undefined, new Set(assigned)).key,
  );
  expect(new Set(keys).size).toBe(keys.length);
});

it("a program that names no runtime has the C API's on the cpu where it can be had, otherwise the binding", async () => {
  expect((await useOnnx({})).executor.runtime.name).toBe("ONNX Runtime's C API");
  const needs = { executionProviders: ["cpu"], intraOpNumThreads: 1, replay: false };
  expect(defaultRuntime(needs)).toBe("c-api");
  const missing = () => {
    throw new ConfigError("koffi is not installed");
  };
  expect(defaultRuntime(needs, missing)).toBe("binding");
  const onWebgpu = { ...needs, executionProviders: ["webgpu"] };
  expect(defaultRuntime(onWebgpu)).toBe("binding");
  // What is missing is told then, as replay was asked for.
  expect(defaultRuntime({ ...needs, replay: true }, missing)).toBe("c-api");
  expect(defaultRuntime({ ...onWebgpu, replay: true })).toBe("c-api");
});

it("an unknown runtime is refused", () => {
  const start = () => registerOnnxBackend({ runtime: "capi" as never });
  expect(start).toThrow(ConfigError);
  expect(start).toThrow('runtime: expected "binding", "c-api" or a runtime, such as ortRuntime(ort), got "capi"');
});
