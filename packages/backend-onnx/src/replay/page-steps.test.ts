import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend, useOnnx } from "../engine/register-onnx-backend.js";
import { ortRuntime } from "../runtime/ort-runtime.js";
import { type PageOrt, pageOrt } from "./page-ort.fixture.js";

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

const start = (ort: PageOrt, replay: boolean): Promise<OnnxBackend> =>
  useOnnx({ runtime: ortRuntime(ort), executionProviders: ["webgpu"], replay });

const create = () => tf.tidy(() => tf.variable(tf.ones([64]))) as tf.Variable;

/** A step of a recurrence, its state read by nobody: w ← w · 0.5 + batch, loss = Σ w · batch. */
async function step(weight: tf.Variable, batch: number): Promise<number> {
  const loss = tf.tidy(() => {
    weight.assign(tf.add(tf.mul(weight, 0.5), tf.tensor1d(Array.from({ length: 64 }, (_, i) => batch + i))));
    return tf.sum(tf.mul(weight, tf.tensor1d([batch])));
  });
  const [value] = await loss.data();
  loss.dispose();
  return value!;
}

it("a tensor on a page's device is read by many at once, and leaves the device", async () => {
  const ort = pageOrt();
  await start(ort, false);
  const y = tf.add(tf.tensor1d([1, 2]), 1);
  const reads = await Promise.all([y.data(), y.data()]);
  expect(reads.map((values) => [...values])).toEqual([
    [2, 3],
    [2, 3],
  ]);
  expect(ort.live()).toBe(0);
  expect([...(await tf.mul(y, 2).data())]).toEqual([4, 6]);
  y.dispose();
  expect(ort.live()).toBe(0);
});

describe("runs that follow each other in a page", () => {
  it("are replayed, keep every tensor that lives on, and take weights from outside", async () => {
    const compute = async (replay: boolean) => {
      const ort = pageOrt();
      const backend = await start(ort, replay);
      const weight = create();
      const losses: number[] = [];
      const kept: tf.Tensor[] = [];
      for (let i = 0; i < 12; i++) {
        losses.push(await step(weight, i));
        if (i === 4 || i === 5) {
          // The same elements under another name, for as long as the program likes.
          kept.push(weight.clone());
        }
        if (i === 7) {
          tf.tidy(() => weight.assign(kept[0]! as tf.Tensor1D));
        }
        if (i === 9) {
          tf.tidy(() => weight.assign(tf.tensor1d(Array.from({ length: 64 }, (_, at) => 3 - at))));
        }
      }
      const { replayed, notReplayed } = backend.sessions();
      expect([replayed, notReplayed]).toEqual([replay ? 1 : 0, []]);
      // Two steps are observed; the next two are captured, one for either set of buffers.
      expect(ort.replays()).toBe(replay ? 12 - 2 - 2 : 0);
      // What is kept has left the buffers that are written again.
      const found = await Promise.all([...kept, weight].map(async (tensor) => [...(await tensor.data())]));
      tf.dispose([...kept, weight]);
      expect(backend.memory().deviceBytes).toBe(0);
      backend.dispose();
      expect(ort.live()).toBe(0);
      return [losses, ...found];
    };
    const expected = await compute(false);
    tf.engine().reset();
    expect(await compute(true)).toEqual(expected);
  });

  it("take nothing more with every step, and leave nothing behind", async () => {
    const ort = pageOrt();
    const backend = await start(ort, true);
    const weight = create();
    const steps = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await step(weight, i);
      }
      return [ort.live(), backend.memory().deviceBytes, tf.memory().numTensors];
    };
    const before = await steps(6);
    expect(await steps(20)).toEqual(before);
    const kept = weight.clone();
    backend.executor.cache.clear();
    // Their graph is gone; the weights are not.
    expect([...(await kept.data())].every(Number.isFinite)).toBe(true);
    backend.dispose();
    expect(ort.live()).toBe(0);
  });

  it("run as they are where ONNX Runtime does not capture them, which says why", async () => {
    const ort = pageOrt("This graph has a node on the cpu.");
    const backend = await start(ort, true);
    const weight = create();
    const losses = [];
    for (let i = 0; i < 6; i++) {
      losses.push(await step(weight, i));
    }
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(backend.sessions()).toMatchObject({ replayed: 0, notReplayed: ["This graph has a node on the cpu."] });
    backend.dispose();
    expect(ort.live()).toBe(0);
  });
});
