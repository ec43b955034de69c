import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "./onnx-backend.js";
import { values } from "./parity.fixture.js";
import { registerOnnxBackend } from "./register-onnx-backend.js";

beforeEach(async () => {
  registerOnnxBackend({});
  await tf.setBackend("onnx");
});

/** A convolutional classifier whose beginning is the same every time. */
function classifier(): layers.Sequential {
  const initializer = () => layers.initializers.glorotUniform({ seed: 7 });
  const model = layers.sequential({
    layers: [
      layers.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        activation: "relu",
        kernelInitializer: initializer(),
      }),
      layers.layers.batchNormalization(),
      layers.layers.maxPooling2d({ poolSize: 2 }),
      layers.layers.depthwiseConv2d({ kernelSize: 2, depthwiseInitializer: initializer() }),
      layers.layers.flatten(),
      layers.layers.dense({ units: 2, activation: "softmax", kernelInitializer: initializer() }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.02), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

/** Images that are brighter above or below. */
function examples(): [tf.Tensor4D, tf.Tensor2D] {
  const labels = Array.from({ length: 32 }, (_, i) => i % 2);
  const noise = values([32, 8, 8, 1], -0.5, 0.5);
  const pixels = noise.map((value, i) => value + (Math.floor(i / 32) % 2 === labels[Math.floor(i / 64)] ? 1 : 0));
  return [tf.tensor4d(pixels, [32, 8, 8, 1]), tf.oneHot(tf.tensor1d(labels, "int32"), 2) as tf.Tensor2D];
}

describe("programs written for tfjs", () => {
  it("a model of tfjs-layers trains with fit, as on the cpu backend, without the fallback", async () => {
    const losses: Record<string, number[]> = {};
    for (const backend of ["cpu", "onnx"]) {
      await tf.setBackend(backend);
      const [x, y] = examples();
      const { history } = await classifier().fit(x, y, { epochs: 5, batchSize: 8, shuffle: false, verbose: 0 });
      losses[backend] = history.loss as number[];
    }
    // Twenty steps of Adam apart, of which each has rounding errors of its own.
    losses.onnx!.forEach((loss, i) => {
      expect(loss).toBeCloseTo(losses.cpu![i]!, 3);
    });
    expect(losses.onnx!.at(-1)).toBeLessThan(losses.onnx![0]! / 2);
    expect([...(tf.backend() as OnnxBackend).fallback!.counts.keys()]).toEqual([]);
  });

  it("a model saved and loaded gives the same", async () => {
    const [x, y] = examples();
    const model = classifier();
    await model.fit(x, y, { epochs: 1, verbose: 0 });
    let artifacts: tf.io.ModelArtifacts | undefined;
    const save = async (saved: tf.io.ModelArtifacts) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" as const } };
    };
    await model.save({ save });
    const loaded = await layers.loadLayersModel({ load: async () => artifacts! });
    const [before, after] = [model, loaded].map((each) => (each.predict(x) as tf.Tensor).dataSync());
    expect([...after!]).toEqual([...before!]);
  });

  it("gradients of gradients, and of functions with gradients of their own", () => {
    const cube = (x: tf.Tensor) => tf.mul(tf.square(x), x);
    const second = tf.grad((x) => tf.grad(cube)(x));
    expect([...second(tf.tensor1d([1, 2, -3])).dataSync()]).toEqual([6, 12, -18]);
    const clipped = tf.customGrad((x, save) => {
      const input = x as tf.Tensor;
      (save as tf.GradSaveFunc)([input]);
      return { value: tf.square(input), gradFunc: (dy: tf.Tensor) => tf.clipByValue(tf.mul(dy, 10), -1, 1) };
    });
    expect([
      ...tf
        .grad((x) => tf.mul(clipped(x), 3))(tf.tensor1d([2, 5]))
        .dataSync(),
    ]).toEqual([1, 1]);
  });

  it("variables assigned inside and outside of a step, with several graphs in flight", async () => {
    const total = tf.variable(tf.scalar(0));
    const reads: Promise<ArrayLike<number>>[] = [];
    for (let i = 1; i <= 4; i++) {
      const partial = tf.tidy(() => {
        total.assign(tf.add(total, i));
        return tf.mul(total, 10);
      });
      reads.push(partial.data());
    }
    total.assign(tf.scalar(-1));
    expect((await Promise.all(reads)).map((read) => read[0])).toEqual([10, 30, 60, 100]);
    expect(total.dataSync()[0]).toBe(-1);
    total.dispose();
  });

  it("tidy disposes, keep keeps", () => {
    const before = tf.memory().numTensors;
    let kept: tf.Tensor | undefined;
    const result = tf.tidy(() => {
      kept = tf.keep(tf.add(tf.tensor1d([1]), 1));
      return tf.mul(kept, 5);
    });
    expect(tf.memory().numTensors).toBe(before + 2);
    expect([...result.dataSync(), ...kept!.dataSync()]).toEqual([10, 2]);
    tf.dispose([result, kept!]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
