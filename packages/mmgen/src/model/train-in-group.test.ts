import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { AbortedError, GroupError, localProcesses, type ProcessGroup } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "./multimodal-model.js";
import { memoryStore, stopAfter, tinyTraining } from "./tiny-training.fixture.js";
import type { TrainOptions } from "./train-options.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** Trains in two processes that both live here. */
function trainInBoth(options: (group: ProcessGroup) => Partial<TrainOptions>) {
  return Promise.allSettled(
    localProcesses(2).map((group) => MultimodalModel.train({ ...tinyTraining, ...options(group), group })),
  );
}

async function filesOf(model: MultimodalModel): Promise<Map<string, Uint8Array>> {
  const files = await model.save();
  model.dispose();
  return files;
}

/** Both models' files. */
function trained(ends: readonly PromiseSettledResult<MultimodalModel>[]) {
  return Promise.all(ends.map((end) => filesOf((end as PromiseFulfilledResult<MultimodalModel>).value)));
}

describe("MultimodalModel.train in a group", () => {
  it("gives all the same model, whose files the first one alone writes", async () => {
    const before = tf.memory().numTensors;
    const stores = [memoryStore(), memoryStore()];
    const told: number[] = [];
    const ends = await trainInBoth(({ rank }) => ({
      checkpoints: stores[rank]!,
      observers: [{ onStep: () => void told.push(rank) }],
    }));
    const [first, second] = (await trained(ends)) as [Map<string, Uint8Array>, Map<string, Uint8Array>];
    expect([...first.keys()].length).toBeGreaterThan(3);
    expect(second).toEqual(first);
    for (const [name, bytes] of first) {
      expect(stores[0]!.files.get(name), name).toEqual(bytes);
    }
    expect(stores[1]!.files.size).toBe(0);
    expect(told).toEqual(Array(10).fill(0));
    expect(tf.memory().numTensors).toBe(before);
  });

  it("goes on in one process where two were stopped", async () => {
    const store = memoryStore();
    const whole = await trained(await trainInBoth(() => ({})));
    // In the transformer's training; the signal is that of a process without observers.
    const { observers, signal } = stopAfter(7);
    const stopped = await trainInBoth(({ rank }) => (rank === 0 ? { checkpoints: store, observers } : { signal }));
    expect(stopped.map((end) => AbortedError.isInstance((end as PromiseRejectedResult).reason))).toEqual([true, true]);
    const again = await trained(await trainInBoth(({ rank }) => (rank === 0 ? { checkpoints: store } : {})));
    expect(again).toEqual(whole);
    const alone = await MultimodalModel.train({ ...tinyTraining, checkpoints: store });
    expect(await filesOf(alone)).toEqual(whole[0]);
  });

  it("fails in all where the data differ, or the first one's checkpoint cannot be read", async () => {
    const [a, b] = await trainInBoth(({ rank }) => ({ seed: rank }));
    for (const { reason } of [a, b] as PromiseRejectedResult[]) {
      expect(reason.message).toMatch(/process 1 of 2 trains with other options, examples/);
    }
    const unreadable = { ...memoryStore(), read: () => Promise.reject(new Error("the disk is gone")) };
    const [first, second] = (await trainInBoth(({ rank }) =>
      rank === 0 ? { checkpoints: unreadable } : {},
    )) as PromiseRejectedResult[];
    expect(first!.reason.message).toBe("the disk is gone");
    expect(GroupError.isInstance(second!.reason)).toBe(true);
  });
});
