import { registerOnnxBackend } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { localProcesses, Random } from "@mmgen/core";
import { constantSchedule, imageExamples, train } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { adversarial, images, type Model, sequences, transformer, vqvae } from "./fixtures/small-models.fixture.js";

beforeAll(async () => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
  await tf.setBackend("onnx");
});

/** Trains in two processes that both live here; gives all variables of both, and how often the loss was called. */
async function trainInBoth(create: () => Model, examples: unknown, isCompiled: boolean) {
  const models = [create(), create()];
  const calls = models.map((model) => vi.spyOn(model as { lossTensor(...given: unknown[]): unknown }, "lossTensor"));
  if (!isCompiled) {
    Object.defineProperty(tf.backend(), "compile", { value: undefined, configurable: true });
  }
  const results = await Promise.all(
    localProcesses(2).map((group, rank) =>
      train({
        ...{
          model: models[rank]!,
          examples: examples as never,
          batchSize: 4,
          steps: 5,
          random: Random.fromSeed(3),
          group,
        },
        ...{ schedule: constantSchedule(0.01), weightAverage: { decay: 0.9 } },
        // A gradient that is 0 but for rounding would else become a step of full length.
        optimizer: { epsilon: 1e-2, clipNorm: 1 },
        ...(models[rank]!.adversary && { adversary: { optimizer: { epsilon: 1e-2 } } }),
      }),
    ),
  );
  delete (tf.backend() as { compile?: unknown }).compile;
  const values = await Promise.all(
    models.map(async (model) => {
      const variables = [...model.parameters.values(), ...model.buffers.values()];
      return (await Promise.all(variables.map((variable) => variable.data()))).flatMap((data) => [...data]);
    }),
  );
  const counts = calls.map((spy) => spy.mock.calls.length);
  for (const model of models) {
    model.dispose();
  }
  return { values, counts, losses: results.map(({ history }) => history.steps.map(({ loss }) => loss)) };
}

describe("compiled steps in a group", () => {
  it.each([
    ["a VQ-VAE with batch norms whose dead codes are redrawn", vqvae as () => Model, imageExamples(images)],
    ["a VQ-VAE against a discriminator", adversarial, imageExamples(images)],
    ["a transformer with dropout and weighted targets", transformer, sequences],
  ])("do what steps by themselves do, and leave no tensor behind: %s", async (_, create, examples) => {
    const before = tf.memory().numTensors;
    const plain = await trainInBoth(create, examples, false);
    const compiled = await trainInBoth(create, examples, true);
    expect(tf.memory().numTensors).toBe(before);
    // Once to see what is drawn, once to record it, in each process.
    expect(compiled.counts).toEqual([2, 2]);
    for (const { losses, values } of [plain, compiled]) {
      expect(values[1]).toEqual(values[0]);
      expect(losses[1]).toEqual(losses[0]);
    }
    const differences = compiled.values[0]!.map((value, i) => Math.abs(value - plain.values[0]![i]!));
    // Float32 arithmetic in another order, over values of about 1.
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });
});
