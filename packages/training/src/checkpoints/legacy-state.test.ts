import { readFile } from "node:fs/promises";
import { Random, readSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import { expect, it } from "vitest";
import { points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import type { TrainOptions } from "../loop/train-options.js";
import { cosineSchedule } from "../optimizers/schedules.js";

// Both files were written by commit 1d03389, with these options.
const read = (name: string) => readFile(new URL(`./${name}.fixture.safetensors`, import.meta.url));
const options = (model: TinyRegression) =>
  ({
    model,
    examples: points(Random.fromSeed(7), 50),
    batchSize: 8,
    steps: 12,
    schedule: cosineSchedule({ learningRate: 0.05, totalSteps: 12, warmUpSteps: 3 }),
    optimizer: { clipNorm: 1, weightDecay: 0.1 },
    weightAverage: { decay: 0.9 },
    earlyStopping: { metric: "score", goal: "max", patience: 3 },
    random: Random.fromSeed(11),
    evaluate: async ({ step }) => ({ score: step }),
    configuration: { preset: "quick" },
  }) satisfies TrainOptions<unknown, unknown>;

it("goes on from a state of before the first release, to the same end", async () => {
  const model = new TinyRegression(Random.fromSeed(99));
  const { state, status } = await train({ ...options(model), resume: await read("legacy-step-5") });
  expect(status).toBe("completed");
  const found = readSafetensors(state).tensors;
  const expected = readSafetensors(await read("legacy-end")).tensors;
  expect(expected.size).toBeGreaterThan(15);
  for (const [name, { data, shape }] of expected) {
    const today = found.get(name.replace("optimiser.", "optimizer."))!;
    expect(today.shape, name).toEqual(shape);
    // The buffers of averaged weights were those of the weights themselves.
    if (name !== "history.steps" && !name.startsWith("best.state.")) {
      for (const [i, value] of [...today.data].entries()) {
        // The norm that clips is summed variable by variable, where those runs summed one vector: a few units of float32's 6e-8 a step.
        expect(Math.abs(Number(value) - Number(data[i])), name).toBeLessThanOrEqual(
          2e-6 * Math.max(1, Math.abs(Number(data[i]))),
        );
      }
    }
  }
  model.dispose();
});

it("refuses such a state when the run is set up otherwise", async () => {
  const model = new TinyRegression(Random.fromSeed(99));
  const resume = await read("legacy-step-5");
  const expectRefusal = (changes: Partial<ReturnType<typeof options>>) =>
    expect(train({ ...options(model), ...changes, resume })).rejects;
  await expectRefusal({ optimizer: { clipNorm: 2, weightDecay: 0.1 } }).toThrow(/optimizer\.clipNorm = 1/);
  await expectRefusal({ earlyStopping: { metric: "score", goal: "max", patience: 4 } }).toThrow(/patience = 3/);
  model.dispose();
});
