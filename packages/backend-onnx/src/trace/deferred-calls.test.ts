import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { createRequire } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend, useOnnx } from "../engine/register-onnx-backend.js";
import { deviceRuntime } from "../runtime/device-runtime.fixture.js";
import type { OrtModule } from "../runtime/ort-module.js";
import { ortRuntime } from "../runtime/ort-runtime.js";

const ort = createRequire(import.meta.url)("onnxruntime-node") as OrtModule;

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

const start = (): Promise<OnnxBackend> => useOnnx({ runtime: ortRuntime(ort) });
const read = async (tensor: tf.Tensor) => [...(await tensor.data())];
const readAll = (tensors: readonly tf.Tensor[]) => Promise.all(tensors.map(read));

/** Six steps of a training, compiled and read at the end, with work of the program's own between them. */
function train(backend: OnnxBackend): tf.Tensor[] {
  const weight = tf.tidy(() => tf.variable(tf.tensor1d([5, -3]))) as tf.Variable;
  const step = backend.compile((target: tf.Tensor, rate: tf.Tensor) =>
    tf.tidy(() => {
      const distance = () => tf.sum(tf.square(tf.sub(weight, target))) as tf.Scalar;
      const { value, grads } = tf.variableGrads(distance, [weight]);
      weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, rate)));
      return [value, tf.mul(weight, 2)];
    }),
  );
  const results = Array.from({ length: 6 }, (_, i) => {
    if (i === 3) {
      tf.tidy(() => weight.assign(tf.mul(weight, 10)));
    }
    return tf.tidy(() => step(tf.tensor1d([i, 2]), tf.scalar(0.25)));
  });
  return [...results.flat(), weight];
}

describe("compiled functions on a runtime of promises", () => {
  it("are traced once, and record nothing at later calls", async () => {
    const backend = await start();
    let traced = 0;
    const run = backend.compile((x: tf.Tensor) => {
      traced++;
      return tf.square(tf.add(x, 1));
    });
    expect(await read(run(tf.tensor1d([1])))).toEqual([4]);
    const recorded = backend.graph.nextOrder;
    for (const value of [2, 3]) {
      expect(await read(run(tf.tensor1d([value])))).toEqual([(value + 1) ** 2]);
    }
    expect([traced, backend.graph.nextOrder]).toEqual([1, recorded]);
    expect(backend.sessions()).toMatchObject({ misses: 1, hits: 2 });
  });

  it("take the steps of a training in their order, whoever reads them when", async () => {
    const results = train(await useOnnx({ runtime: "binding" }));
    const expected = await readAll(results);
    tf.engine().reset();
    expect(await readAll(train(await start()))).toEqual(expected);
    tf.engine().reset();
    // Results on a device are freed with their tensors, and so is what calls take.
    const device = deviceRuntime(false);
    const backend = await useOnnx({ runtime: device, executionProviders: ["webgpu"] });
    const found = train(backend);
    expect(backend.sessions().misses).toBe(0);
    expect(await readAll(found)).toEqual(expected);
    // Losses went to the host.
    expect(device.live()).toBe(7);
    tf.dispose(found);
    expect([device.live(), backend.memory()]).toMatchObject([0, { deviceBytes: 0, pendingValues: 0 }]);
  });

  it("let what they read go only when they have run, and be seen through before", async () => {
    const device = deviceRuntime(false);
    const backend = await useOnnx({ runtime: device, executionProviders: ["webgpu"] });
    const make = async () => {
      const x = tf.add(tf.tensor2d([[1], [2], [3]]), 1);
      await backend.flush();
      return x;
    };
    const given = await make();
    const turned = tf.tidy(() => tf.transpose(tf.square(given)));
    given.dispose();
    const reading = read(turned);
    await Promise.resolve();
    const doubled = tf.tidy(() => tf.mul(tf.reshape(turned, [3]), 2));
    expect(await reading).toEqual([4, 9, 16]);
    expect(await read(doubled)).toEqual([8, 18, 32]);
    tf.dispose([turned, doubled]);

    for (const compute of [tf.square<tf.Tensor>, backend.compile((x: tf.Tensor) => tf.square(x))]) {
      const x = await make();
      const y = compute(x);
      const flushed = backend.flush();
      await Promise.resolve();
      tf.dispose([x, y]);
      await flushed;
    }
    expect([device.live(), backend.memory()]).toMatchObject([0, { deviceBytes: 0, pendingValues: 0 }]);
  });

  it("take what is pending, and what other calls give", async () => {
    const backend = await start();
    const outside = tf.mul(tf.tensor1d([1, 2]), 3);
    const run = backend.compile((x: tf.Tensor) => tf.add(tf.mul(x, 2), outside));
    const x = tf.add(tf.tensor1d([1, 1]), 1);
    const first = run(x);
    const between = tf.sub(first, 1);
    const second = run(between);
    const last = tf.add(second, first);
    tf.dispose([outside, x, first, between, second]);
    expect(await read(last)).toEqual([22, 34]);
    expect(await read(run(tf.tensor1d([0, 0])))).toEqual([3, 6]);
  });

  it("give what they are given, twice and as it is, in any shape", async () => {
    const backend = await start();
    const outside = tf.add(tf.tensor1d([1]), 1);
    const run = backend.compile((x: tf.Tensor, y: tf.Tensor) => [x, outside, tf.add(x, y)]);
    const x = tf.add(tf.tensor2d([[1, 2]]), 1);
    for (let i = 0; i < 2; i++) {
      expect(await readAll(run(x, x))).toEqual([[2, 3], [2], [4, 6]]);
      expect(await readAll(run(tf.reshape(x, [2]), tf.scalar(1)))).toEqual([[2, 3], [2], [3, 4]]);
    }
  });

  it("are called while another graph runs", async () => {
    const backend = await start();
    const run = backend.compile((x: tf.Tensor) => tf.mul(x, 2));
    const y = tf.add(tf.tensor1d([1]), 1);
    const first = read(y);
    await Promise.resolve();
    const doubled = run(y);
    const last = tf.add(doubled, 1);
    tf.dispose([y, doubled]);
    expect([await read(last), await first]).toEqual([[5], [2]]);
  });

  it("fail their readers, and nobody else", async () => {
    const backend = await start();
    const pick = backend.compile((index: tf.Tensor) => tf.gather(tf.tensor1d([1, 2]), index as tf.Tensor1D));
    const double = backend.compile((x: tf.Tensor) => tf.mul(x, 2));
    const wrong = pick(tf.tensor1d([7], "int32"));
    const dependents = [double(tf.add(wrong, 1)), tf.sub(wrong, 1), wrong];
    const right = double(pick(tf.tensor1d([1], "int32")));
    expect(await read(right)).toEqual([4]);
    for (const dependent of dependents) {
      await expect(read(dependent)).rejects.toThrow(/Gather/);
    }
    expect(await read(pick(tf.tensor1d([0], "int32")))).toEqual([1]);
  });

  it("keep their constants built in, and drop the sessions of the signatures used first", async () => {
    const backend = await start();
    const weight = tf.tidy(() => tf.variable(tf.tensor1d([3])));
    const run = backend.compile<[tf.Tensor], tf.Tensor>((x, w) => tf.mul(x, w), { constants: () => [weight] });
    const filled = (size: number, value: number) => tf.tensor1d(new Float32Array(size).fill(value));
    const results = Array.from({ length: 40 }, (_, i) => run(filled(i + 1, i)));
    tf.tidy(() => weight.assign(tf.tensor1d([4])));
    const later = run(filled(40, 1));
    for (const [i, values] of (await readAll(results)).entries()) {
      expect(values).toEqual(new Array(i + 1).fill(3 * i));
    }
    expect(await read(later)).toEqual(new Array(40).fill(4));
    expect(backend.sessions().sessions).toBe(32);
  });

  it("end with their backend", async () => {
    const backend = await start();
    const result = backend.compile((x: tf.Tensor) => tf.add(x, 1))(tf.tensor1d([1]));
    const { misses } = backend.sessions();
    backend.dispose();
    await expect(read(result)).rejects.toThrow("removed before it computed this tensor");
    expect(backend.sessions().misses).toBe(misses);
  });
});
