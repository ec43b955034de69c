import { CheckpointError, Random, readSafetensors, type SafetensorsContent, writeSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import type * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { type Points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { newModel, options, stopAfter, timeless } from "../loop/tiny-run.fixture.js";
import { train } from "../loop/train.js";
import type { TrainOptions } from "../loop/train-options.js";
import { WeightedRows, weightedRows } from "../loop/weighted-rows.fixture.js";
import { constantSchedule } from "../optimizers/schedules.js";

describe("resume", () => {
  it("equals the uninterrupted run bit for bit, stopped anywhere and more than once", async () => {
    const whole = newModel();
    const expected = await train(options(whole));
    const random = Random.fromSeed(99);
    const stops = [
      [0],
      [6],
      [24],
      ...Array.from({ length: 12 }, () => [1 + random.integer(11), 12 + random.integer(12)]),
    ];
    for (const steps of stops) {
      let state: Uint8Array | undefined;
      for (const stop of steps) {
        // A resumed model starts from other weights: all that counts is in the state.
        const model = state === undefined ? newModel() : new TinyRegression(Random.fromSeed(random.uint32()));
        const signals = stop === 0 ? { signal: AbortSignal.abort() } : stopAfter(stop);
        const result = await train({ ...options(model), ...signals, ...(state && { resume: state }) });
        expect(result).toMatchObject({ status: "aborted", step: stop });
        state = result.state;
        model.dispose();
      }
      const model = new TinyRegression(Random.fromSeed(random.uint32()));
      const result = await train({ ...options(model), resume: state! });
      expect(model.initialized).toBe(0);
      expect(model.numbers()).toEqual(whole.numbers());
      expect(timeless(result.history)).toEqual(timeless(expected.history));
      model.dispose();
    }
    whole.dispose();
  });

  it("goes on from any state that the run wrote on its way", async () => {
    const states: Uint8Array[] = [];
    const whole = newModel();
    await train({ ...options(whole), checkpoint: { everySteps: 4, write: (state) => void states.push(state) } });
    // Steps 4, 6 (epoch), 8, 12 (both), 16, 18 (epoch), 20, 24 (end).
    const stepOf = (state: Uint8Array) => JSON.parse(readSafetensors(state).metadata.run!).step;
    expect(states.map(stepOf)).toEqual([4, 6, 8, 12, 16, 18, 20, 24]);
    for (const state of states) {
      const model = newModel();
      await train({ ...options(model), resume: state });
      expect(model.numbers()).toEqual(whole.numbers());
      model.dispose();
    }
    whole.dispose();
  });

  it("goes on after more steps than a call takes arguments", async () => {
    const model = newModel();
    const { state } = await train({ ...options(model), ...stopAfter(5) });
    const { tensors, metadata } = withoutChecksum(state);
    const run = JSON.parse(metadata.run!);
    const steps = 127_000;
    const { shape, data } = tensors.get("history.steps")!;
    const columns = shape[1]!;
    const table = new Float32Array(steps * columns);
    for (let row = 0; row < steps; row++) {
      table.set(data.subarray(0, columns), row * columns);
    }
    const history = { dtype: "float32", shape: [steps, columns], data: table } as const;
    const long = writeSafetensors({
      tensors: new Map([...tensors, ["history.steps", history]]),
      metadata: { ...metadata, run: JSON.stringify({ ...run, step: steps }) },
    });
    const { epochs: _, ...rest } = options(model);
    const result = await train({ ...rest, steps: steps + 1, evaluate: async () => ({}), resume: long });
    expect(result.history.steps).toHaveLength(steps + 1);
    expect(result.history.epochs.at(-1)).toMatchObject({ step: steps + 1 });
    model.dispose();
  });

  it("keeps the weights of the steps' targets, so that an epoch's loss does not depend on a stop", async () => {
    const runOf = (changes: object, model = new WeightedRows()) =>
      train({
        ...{ model, examples: weightedRows([8, 2, 5, 1, 7, 3]), batchSize: 1, epochs: 1 },
        ...{ schedule: constantSchedule(0.1), random: Random.fromSeed(1), ...changes },
      });
    const whole = await runOf({});
    const { state } = await runOf(stopAfter(3));
    const resumed = await runOf({ resume: state });
    expect(timeless(resumed.history)).toEqual(timeless(whole.history));
    const { steps, epochs } = whole.history;
    const mean = steps.reduce((sum, { loss, targetWeight }) => sum + loss * targetWeight!, 0) / 26;
    expect(epochs[1]!.trainLoss! / mean).toBeCloseTo(1, 12);
  });

  it("compares its own settings whatever names the program's configuration has", async () => {
    const model = newModel();
    const configuration = JSON.parse(
      '{"batchSize": 1, "schedule": 2, "optimizer": 3, "optimiser": 4, "constructor": 5, "toString": 6, "__proto__": 7}',
    );
    const { state } = await train({ ...options(model), ...stopAfter(5), configuration });
    const resume = (changes: object) => train({ ...options(model), configuration, ...changes, resume: state });
    await expect(resume({ batchSize: 4 })).rejects.toThrow(/with batchSize = 8 \(number\), and this run has 4/);
    for (const name of Object.keys(configuration)) {
      const changed = Object.fromEntries(Object.entries(configuration).filter(([key]) => key !== name));
      const refused = resume({ configuration: changed });
      await expect(refused).rejects.toThrow(
        `configuration.${name} = ${configuration[name]} (number), and this run has undefined`,
      );
    }
    await expect(resume({})).resolves.toMatchObject({ status: "completed" });

    // As states were written before: all in one object, the program's fields over the loop's.
    const { tensors, metadata } = withoutChecksum(state);
    const { settings, ...run } = JSON.parse(metadata.run!);
    const older = { ...run, configuration: { ...settings, preset: "quick" } };
    const written = writeSafetensors({ tensors, metadata: { ...metadata, run: JSON.stringify(older) } });
    const resumeOlder = (preset: string) => train({ ...options(model), configuration: { preset }, resume: written });
    await expect(resumeOlder("full")).rejects.toThrow(/with preset = "quick"/);
    await expect(resumeOlder("quick")).resolves.toMatchObject({ status: "completed" });
    model.dispose();
  });

  it("refuses a state that is damaged, foreign, or of another run, and leaves the model as it was", async () => {
    const model = newModel();
    const { state } = await train({ ...options(model), ...stopAfter(5), configuration: { preset: "quick" } });
    const before = model.numbers();
    const resume = (bytes: Uint8Array, changes: Partial<TrainOptions<Points, { hidden: tf.Tensor2D }>> = {}) =>
      train({ ...options(model), configuration: { preset: "quick" }, ...changes, resume: bytes });
    for (const length of [0, 7, 100, 1000, state.length - 1]) {
      await expect(resume(state.slice(0, length))).rejects.toThrow(CheckpointError);
    }
    await expect(resume(new TextEncoder().encode("a text that is long enough"))).rejects.toThrow(CheckpointError);
    await expect(resume(writeSafetensors({ tensors: new Map(), metadata: {} }))).rejects.toThrow(/another kind/);
    const { tensors, metadata } = withoutChecksum(state);
    const without = (name: string) =>
      writeSafetensors({ tensors: new Map([...tensors].filter(([key]) => key !== name)), metadata });
    for (const name of [
      "model.output.bias",
      "state.hidden.mean",
      "optimizer.firstMoment.output.bias",
      "history.steps",
    ]) {
      await expect(resume(without(name))).rejects.toThrow(CheckpointError);
    }
    await expect(resume(writeSafetensors({ tensors, metadata: { ...metadata, run: "{}" } }))).rejects.toThrow(
      /damaged/,
    );
    await expect(resume(state, { random: Random.fromSeed(12) })).rejects.toThrow(/another seed/);
    await expect(resume(state, { batchSize: 4 })).rejects.toThrow(/batchSize = 8 \(number\), and this run has 4/);
    await expect(resume(state, { schedule: constantSchedule(0.05) })).rejects.toThrow(/schedule\.kind = "cosine"/);
    await expect(resume(state, { configuration: { preset: "full" } })).rejects.toThrow(/preset = "quick"/);
    expect(model.numbers()).toEqual(before);
    await expect(resume(state)).resolves.toMatchObject({ status: "completed" });
    model.dispose();
  });
});

/** A state's content, to change: states from before there were checksums have none. */
function withoutChecksum(state: Uint8Array): SafetensorsContent {
  const { tensors, metadata } = readSafetensors(state);
  const { checksum: _, ...rest } = metadata;
  return { tensors, metadata: rest };
}
