import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { ConfigError, KernelError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OnnxBackend } from "./onnx-backend.js";
import type { OnnxBackendOptions } from "./options.js";
import { registerOnnxBackend } from "./register-onnx-backend.js";

let backend: OnnxBackend;

async function start(options: Parameters<typeof registerOnnxBackend>[0] = {}): Promise<void> {
  registerOnnxBackend(options);
  await tf.setBackend("onnx");
  backend = tf.backend() as OnnxBackend;
}

beforeEach(() => start());
afterEach(() => tf.engine().reset());

/** A step with state, in which nothing is read but the loss. */
function makeStep() {
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const weight = tf.tidy(() => tf.variable(tf.tensor2d([0.1, -0.2], [2, 1])));
  const optimizer = tf.train.adam(0.01);
  const step = () =>
    optimizer.minimize(() => tf.mean(tf.square(tf.sub(tf.matMul(x, weight as tf.Tensor2D), 1))) as tf.Scalar, true, [
      weight as tf.Variable,
    ])!;
  return { step, weight };
}

describe("the lazy graph", () => {
  it("says of a tensor that a removed backend never computed what became of it", async () => {
    const y = tf.add(tf.tensor1d([1, 2, 3]), 1);
    tf.removeBackend("onnx");
    await start();
    expect(() => backend.readSync(y.dataId)).toThrow(KernelError);
    await expect(y.data()).rejects.toThrow(/removed before it computed this tensor/);
  });

  it("records without computing, and computes every live tensor at a read", () => {
    const x = tf.tensor1d([1, 2, 3]);
    const [y, z] = [tf.add(x, 1), tf.mul(x, 2)];
    expect(backend.sessions().misses).toBe(0);
    expect(backend.memory().pendingValues).toBe(2);
    expect([...y.dataSync()]).toEqual([2, 3, 4]);
    expect(backend.memory().pendingValues).toBe(0);
    expect([...z.dataSync()]).toEqual([2, 4, 6]);
    expect(backend.sessions().misses).toBe(1);
  });

  it("what a tidy throws away never leaves the graph", () => {
    const y = tf.tidy(() => tf.sum(tf.square(tf.add(tf.ones([4]), 1))));
    expect(backend.memory().pendingValues).toBe(1);
    expect(y.dataSync()[0]).toBe(16);
  });

  it("what nothing needs is never computed", () => {
    tf.tidy(() => {
      tf.add(tf.tensor1d([1]), 1);
    });
    backend.flushSync();
    expect(backend.sessions().misses).toBe(0);
  });

  it("data() of many tensors at once", async () => {
    const tensors = Array.from({ length: 5 }, (_, i) => tf.add(tf.tensor1d([i]), 1));
    const values = await Promise.all(tensors.map((tensor) => tensor.data()));
    expect(values.map((value) => value[0])).toEqual([1, 2, 3, 4, 5]);
    expect(backend.sessions().misses).toBe(1);
  });

  it("other values of the same shapes find the compiled graph", () => {
    for (let i = 0; i < 5; i++) {
      const y = tf.tidy(() => tf.mul(tf.tensor1d([i, 2 * i]), tf.scalar(i)));
      expect([...y.dataSync()]).toEqual([i * i, 2 * i * i]);
      y.dispose();
    }
    expect(backend.sessions()).toMatchObject({ misses: 1, hits: 4, sessions: 1 });
    expect(backend.sessions().modelBytes).toBeGreaterThan(0);
  });

  it("keeps apart graphs that differ in wiring, attributes, outputs or shapes only", () => {
    const [a, b] = [tf.tensor1d([5, 3]), tf.tensor1d([2, 4])];
    expect([...tf.sub(a, b).dataSync()]).toEqual([3, -1]);
    expect([...tf.sub(b, a).dataSync()]).toEqual([-3, 1]);
    expect([...tf.sub(a, a).dataSync()]).toEqual([0, 0]);
    expect([...tf.leakyRelu(tf.neg(a), 0.5).dataSync()]).toEqual([-2.5, -1.5]);
    expect([...tf.leakyRelu(tf.neg(a), 0.25).dataSync()]).toEqual([-1.25, -0.75]);
    expect([...tf.sub(tf.reshape(a, [2, 1]), b).dataSync()]).toEqual([3, 1, 1, -1]);
    const inner = tf.add(a, b);
    expect([...tf.mul(inner, 2).dataSync()]).toEqual([14, 14]);
    expect([...inner.dataSync()]).toEqual([7, 7]);
  });

  it("an array changed after tf.tensor() changes nothing", () => {
    const values = Float32Array.of(1, 2);
    const y = tf.add(tf.tensor1d(values), 0.5);
    values.fill(9);
    expect([...y.dataSync()]).toEqual([1.5, 2.5]);
  });

  it("a chain deeper than the call stack", async () => {
    await start({ flushAfterNodes: 100_000 });
    let y: tf.Tensor = tf.scalar(0);
    for (let i = 0; i < 20_000; i++) {
      const next = tf.relu(tf.add(y, 0));
      y.dispose();
      y = next;
    }
    // Planned, not run: ONNX Runtime itself would take minutes to compile it.
    const plan = backend.planner.plan([backend.value(y)]);
    expect(plan.nodes.length).toBeGreaterThanOrEqual(20_000);
  });

  it("a loop that never reads is run between its tidies", async () => {
    await start({ flushAfterNodes: 50 });
    const { step, weight } = makeStep();
    for (let i = 0; i < 40; i++) {
      step().dispose();
    }
    expect(backend.graph.recorded).toBeLessThan(150);
    expect(backend.sessions().misses).toBeLessThan(6);
    expect(Math.abs(weight.dataSync()[0]! - 0.1)).toBeGreaterThan(0.01);
  });
});

describe("memory", () => {
  it("is flat over 1000 training steps", async () => {
    const { step } = makeStep();
    const read = () => {
      const loss = step();
      const value = loss.dataSync()[0]!;
      loss.dispose();
      return value;
    };
    for (let i = 0; i < 3; i++) {
      read();
    }
    const before = { ...tf.memory(), ids: backend.numDataIds(), sessions: backend.sessions().sessions };
    const { residentBytes } = backend.memory();
    const first = read();
    let last = first;
    for (let i = 0; i < 1000; i++) {
      last = read();
    }
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
    expect(backend.numDataIds()).toBe(before.ids);
    expect(backend.sessions().sessions).toBe(before.sessions);
    expect(backend.memory()).toMatchObject({ residentBytes, pendingValues: 0 });
    expect(last).toBeLessThan(first / 2);
  });

  it("data ids are shared and counted", () => {
    const x = tf.tensor1d([1, 2]);
    const ids = backend.numDataIds();
    const [same, matrix] = [tf.clone(x), tf.reshape(x, [2, 1])];
    expect(backend.numDataIds()).toBe(ids);
    expect(backend.refCount(x.dataId)).toBe(3);
    x.dispose();
    expect([...same.dataSync()]).toEqual([1, 2]);
    tf.dispose([same, matrix]);
    expect(backend.numDataIds()).toBe(ids - 1);
  });

  it("the cache gives up the session least recently used", async () => {
    await start({ sessionCacheSize: 2 });
    const run = (size: number) => tf.tidy(() => tf.add(tf.ones([size]), 1).dataSync());
    for (const size of [1, 2, 1, 3, 1, 2]) {
      run(size);
    }
    expect(backend.sessions()).toMatchObject({ sessions: 2, capacity: 2, hits: 2, misses: 4, evictions: 2 });
  });

  it("complex numbers count three ids, and strings are kept", async () => {
    const ids = backend.numDataIds();
    const complex = tf.complex([1, 2], [3, 4]);
    expect(backend.numDataIds()).toBe(ids + 3);
    expect([...complex.dataSync()]).toEqual([1, 3, 2, 4]);
    expect([...tf.real(complex).dataSync()]).toEqual([1, 2]);
    expect([...tf.imag(complex).dataSync()]).toEqual([3, 4]);
    expect([...tf.mul(complex, complex).dataSync()]).toEqual([-8, 6, -12, 16]);
    const real = tf.real(complex);
    complex.dispose();
    expect([...real.dataSync()]).toEqual([1, 2]);
    expect(tf.tensor1d(["a", "ü"]).dataSync()).toEqual(["a", "ü"]);
  });
});

describe("other backends, the fallback, errors", () => {
  it("tensors move here from the cpu backend and back", async () => {
    await tf.setBackend("cpu");
    const x = tf.tensor1d([1, 2]);
    await tf.setBackend("onnx");
    const y = tf.add(x, 1);
    await tf.setBackend("cpu");
    expect([...tf.add(y, 1).dataSync()]).toEqual([3, 4]);
  });

  it("a kernel of the cpu backend takes over and is counted", async () => {
    const { values, indices } = tf.topk(tf.tensor1d([3, 1, 2]), 2);
    expect([...values.dataSync()]).toEqual([3, 2]);
    expect([...indices.dataSync()]).toEqual([0, 2]);
    expect(backend.fallback!.counts.get("TopK") ?? 0).toBeLessThanOrEqual(1);
    const { values: distinct } = tf.unique(tf.tensor1d([1, 1, 2]));
    expect([...distinct.dataSync()]).toEqual([1, 2]);
    expect(backend.fallback!.counts.get("Unique")).toBe(1);
  });

  it("without the fallback, a KernelError names the kernel", async () => {
    await start({ fallback: false });
    let error: unknown;
    try {
      tf.unique(tf.tensor1d([1, 1, 2]));
    } catch (caught) {
      error = caught;
    }
    expect(KernelError.isInstance(error)).toBe(true);
    expect(String(error)).toContain("'Unique'");
  });

  it("the fallback takes lists of tensors among its inputs, and kernels that ask for a rank", async () => {
    const splits = [tf.tensor1d([0, 2, 3], "int32")];
    const gathered = tf.raggedGather(splits, tf.tensor1d([1, 2, 3]), tf.tensor1d([1, 0], "int32"), 1);
    expect([...(gathered.outputDenseValues as tf.Tensor).dataSync()]).toEqual([3, 1, 2]);
    const dilate = (x: tf.Tensor) => tf.dilation2d(x as tf.Tensor4D, tf.zeros([1, 1, 1]), 1, "same");
    expect([
      ...tf
        .grad(dilate)(tf.ones([1, 2, 1, 1]))
        .dataSync(),
    ]).toEqual([1, 1]);
  });

  it("what cannot be computed takes only what depends on it along", async () => {
    const index = tf.cast(tf.mul(tf.tensor1d([5]), 2), "int32");
    const wrong = tf.gather(tf.tensor1d([1, 2]), index);
    const dependent = tf.add(wrong, 1);
    const independent = tf.add(index, 1);
    expect([...independent.dataSync()]).toEqual([11]);
    expect(() => wrong.dataSync()).toThrow(/Gather/);
    expect(() => dependent.dataSync()).toThrow(/Gather/);
    const [later, other] = [tf.mul(wrong, 2), tf.mul(index, 2)];
    expect([...(await other.data())]).toEqual([20]);
    await expect(later.data()).rejects.toThrow(/Gather/);
  });

  it("what does not fit into memory is a KernelError with the node, its shapes and the way out", async () => {
    const [column, row] = [tf.ones<tf.Rank.R2>([2 ** 21, 1]), tf.ones<tf.Rank.R2>([1, 2 ** 21])];
    // 16 TiB, more than any machine gives.
    const sum = tf.tidy(() => tf.sum(tf.matMul(column, row)));
    const error = await sum.data().catch((caught: unknown) => caught);
    expect(KernelError.isInstance(error)).toBe(true);
    expect(String(error)).toMatch(/MatMul.*float32\[2097152,1\].*float32\[2097152,2097152\].*reduce the batch size/s);
    expect([...(await tf.add(tf.tensor1d([1]), 1).data())]).toEqual([2]);
  });

  it("options out of range are refused", () => {
    for (const [options, message] of [
      [{ sessionCacheSize: 0 }, "sessionCacheSize: expected a whole number of at least 1, got 0"],
      [{ flushAfterNodes: 1.5 }, "flushAfterNodes: expected a whole number of at least 1, got 1.5"],
      [{ executionProviders: [3] }, "executionProviders[0]: expected the name of an execution provider"],
      [{ runtime: {} }, 'runtime: expected "binding", "c-api" or a runtime, such as ortRuntime(ort)'],
      [{ falback: false }, 'falback: there is no such field; did you mean "fallback"?'],
    ] as const) {
      const create = () => new OnnxBackend(options as OnnxBackendOptions);
      expect(create).toThrow(ConfigError);
      expect(create).toThrow(message);
    }
  });

  it("time() and profile() answer", async () => {
    const timing = await tf.time(() => tf.matMul(tf.ones([20, 20]), tf.ones([20, 20])));
    expect(timing.kernelMs).toBeGreaterThan(0);
    const profile = await tf.profile(() => tf.square(tf.tensor1d([3])));
    expect(profile.kernelNames).toContain("Square");
  });

  it("registering again without options changes nothing", () => {
    registerOnnxBackend();
    expect(tf.backend()).toBe(backend);
  });
});
