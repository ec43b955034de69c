import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend, useOnnx } from "../engine/register-onnx-backend.js";
import { openEnvironment } from "./environment.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

/** A step of a recurrence, its state read by nobody: w ← w · 0.5 + batch, loss = Σ w. */
async function step(weight: tf.Variable, batch: number): Promise<number> {
  const loss = tf.tidy(() => {
    weight.assign(tf.add(tf.mul(weight, 0.5), tf.tensor1d(Array.from({ length: 64 }, (_, i) => batch + i))));
    return tf.sum(tf.mul(weight, tf.tensor1d([batch])));
  });
  const [value] = await loss.data();
  loss.dispose();
  return value!;
}

const start = (replay: boolean): Promise<OnnxBackend> => useOnnx({ runtime: "c-api", keepOnDevice: true, replay });
const create = () => tf.tidy(() => tf.variable(tf.ones([64])));

describe("runs that follow each other", () => {
  it("swap two sets of buffers, with the numbers of a graph that does not", async () => {
    const compute = async (replay: boolean) => {
      const backend = await start(replay);
      const weight = create() as tf.Variable;
      const losses: number[] = [];
      for (let i = 0; i < 8; i++) {
        losses.push(await step(weight, i));
      }
      const { replayed, notReplayed } = backend.sessions();
      expect([replayed, notReplayed]).toEqual([replay ? 1 : 0, []]);
      return [...losses, ...(await weight.data())];
    };
    const expected = await compute(false);
    tf.engine().reset();
    expect(await compute(true)).toEqual(expected);
  });

  it("keep every tensor that lives on, and take weights from outside", async () => {
    const compute = async (replay: boolean) => {
      const backend = await start(replay);
      const weight = create() as tf.Variable;
      const kept: tf.Tensor[] = [];
      for (let i = 0; i < 10; i++) {
        await step(weight, i);
        if (i === 4 || i === 5) {
          // The same elements under another name, for as long as the program likes.
          kept.push(weight.clone());
        }
        if (i === 6) {
          tf.tidy(() => weight.assign(kept[0]! as tf.Tensor1D));
        }
        if (i === 7) {
          tf.tidy(() => weight.assign(tf.tensor1d(Array.from({ length: 64 }, (_, at) => 3 - at))));
        }
      }
      expect(backend.sessions().replayed).toBe(replay ? 1 : 0);
      const found = await Promise.all([...kept, weight].map(async (tensor) => [...(await tensor.data())]));
      tf.dispose([...kept, weight]);
      expect(backend.memory().deviceBytes).toBe(0);
      return found;
    };
    const expected = await compute(false);
    tf.engine().reset();
    expect(await compute(true)).toEqual(expected);
  });

  it("leave nothing behind", async () => {
    const bytes = () => openEnvironment(2).arena!.bytes().inUse;
    const before = bytes();
    const backend = await start(true);
    const weight = create() as tf.Variable;
    for (let i = 0; i < 6; i++) {
      await step(weight, i);
    }
    const held = bytes();
    for (let i = 0; i < 6; i++) {
      await step(weight, i);
    }
    expect(bytes()).toBe(held);
    const kept = weight.clone();
    backend.executor.cache.clear();
    // Their graph is gone; the weights are not.
    expect([...(await kept.data())].every(Number.isFinite)).toBe(true);
    backend.dispose();
    expect(bytes()).toBe(before);
  });
});
