import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { ConfigError } from "@mmgen/core";
import { afterEach, describe, expect, it } from "vitest";
import { type DeviceRuntime, deviceRuntime } from "../runtime/device-runtime.fixture.js";
import { OnnxBackend } from "./onnx-backend.js";
import { registerOnnxBackend } from "./register-onnx-backend.js";

async function start(synchronous = true, keepOnDevice = true): Promise<DeviceRuntime> {
  const runtime = deviceRuntime(synchronous);
  registerOnnxBackend({ runtime, executionProviders: ["webgpu"], keepOnDevice });
  await tf.setBackend("onnx");
  return runtime;
}

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

/** Steps of Adam on a linear map; the loss of each. */
async function train(steps: number): Promise<number[]> {
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const weight = tf.tidy(() => tf.variable(tf.tensor2d([0.1, -0.2, 0.3, 0.4], [2, 2])));
  const optimizer = tf.train.adam(0.01);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const loss = optimizer.minimize(() => tf.mean(tf.square(tf.matMul(x, weight as tf.Tensor2D))) as tf.Scalar, true)!;
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }
  return losses;
}

describe("results that stay on a device", () => {
  it.each([true, false])("train as on the host, without a copy or a leak (synchronous: %s)", async (synchronous) => {
    registerOnnxBackend({});
    await tf.setBackend("onnx");
    const expected = await train(6);
    tf.engine().reset();

    const runtime = await start(synchronous);
    expect(await train(6)).toEqual(expected);
    // The weight and its two moments; the loss is one number, and came to the host by itself.
    expect(runtime.live()).toBe(3);
    expect(runtime.downloads()).toBe(0);
  });

  it("are read when somebody asks, in any shape, and freed with their tensor", async () => {
    const runtime = await start();
    const y = tf.add(tf.tensor1d([1, 2, 3, 4]), 1);
    expect([...y.dataSync()]).toEqual([2, 3, 4, 5]);
    const square = tf.reshape(y, [2, 2]) as tf.Tensor2D;
    expect([...(await tf.matMul(square, square).data())]).toEqual([16, 21, 28, 37]);
    expect(runtime.downloads()).toBe(2);
    expect(runtime.live()).toBe(2);
    y.dispose();
    expect(runtime.live()).toBe(2);
    square.dispose();
    expect(runtime.live()).toBe(1);
  });

  it("outlive their tensor while something recorded needs them", async () => {
    const runtime = await start();
    const y = tf.add(tf.tensor1d([1, 2]), 1);
    await y.data();
    const z = tf.mul(y, 10);
    y.dispose();
    expect(runtime.live()).toBe(1);
    expect([...z.dataSync()]).toEqual([20, 30]);
    expect(runtime.live()).toBe(1);
    z.dispose();
    expect(runtime.live()).toBe(0);
  });

  it("belong to the compiled functions that read them, too", async () => {
    const runtime = await start();
    const backend = tf.backend() as OnnxBackend;
    const outside = tf.add(tf.tensor1d([1, 2]), 1);
    await outside.data();
    const run = backend.compile((x: tf.Tensor) => tf.mul(x, outside));
    run(tf.tensor1d([1, 1])).dispose();
    outside.dispose();
    expect([...run(tf.tensor1d([3, 4])).dataSync()]).toEqual([6, 12]);
    expect(runtime.live()).toBe(2);
  });

  it("are freed with the backend, once, whoever holds them", async () => {
    const runtime = await start();
    const backend = tf.backend() as OnnxBackend;
    const kept = tf.add(tf.tensor1d([1, 2]), 1);
    const dropped = tf.add(tf.tensor1d([3, 4]), 1);
    await Promise.all([kept.data(), dropped.data()]);
    tf.mul(dropped, 2);
    dropped.dispose();
    backend.compile((x: tf.Tensor) => tf.mul(x, kept))(tf.tensor1d([1, 1]));
    expect(runtime.live()).toBeGreaterThan(0);
    backend.dispose();
    expect(runtime.live()).toBe(0);
    backend.disposeData(kept.dataId, true);
    backend.dispose();
    expect(runtime.live()).toBe(0);
  });

  it("go to the host at once where that is asked for", async () => {
    const runtime = await start(true, false);
    await tf.add(tf.tensor1d([1, 2]), 1).data();
    expect(runtime.live()).toBe(0);
  });
});

describe("execution providers", () => {
  it("that cannot be started are refused with what to do", () => {
    for (const provider of ["no-such-provider", { name: "no-such-provider", deviceId: 0 }]) {
      const create = () => new OnnxBackend({ executionProviders: [provider, "cpu"] });
      expect(create).toThrow(ConfigError);
      expect(create).toThrow(/no-such-provider, cpu could not be started by onnxruntime-node.*\["cpu"\]/s);
    }
    expect(() => new OnnxBackend({ executionProviders: [] })).toThrow(
      /executionProviders: expected a list of at least 1/,
    );
  });
});

it("root mean square norms are composed for a device", async () => {
  await start();
  const [x, scale] = [tf.tensor2d([[3, 4]]), tf.tensor1d([1, 10])];
  // √((9 + 16) / 2 + 12.5) = 5.
  const outputs = tf.engine().runKernel("MmgenRmsNorm", { x, scale }, { epsilon: 12.5 }) as unknown as tf.Tensor[];
  const values = await Promise.all(outputs.map(async (output) => [...(await output.data())]));
  expect(values.flat().map((value) => value.toFixed(6))).toEqual(["0.600000", "8.000000", "0.200000"]);
});
