import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, Random } from "@mmgen/core";
import { parameterCount, TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, train } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { tinyTraining } from "../model/tiny-training.fixture.js";
import { estimateMemory } from "../stages/estimate-memory.js";
import { checkMemory } from "./check-memory.js";
import { checkTrainings } from "./check-trainings.js";
import { trainInto } from "./model-folder.js";

let root: string;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  root = await mkdtemp(join(tmpdir(), "mmgen-memory-"));
});
afterAll(() => rm(root, { recursive: true }));

const mib = 2 ** 20;
const stage = (total: number) => ({
  weights: mib,
  gradients: mib,
  optimizer: 2 * mib,
  activations: total - 4 * mib,
  total,
});

const config = { vocabularySize: 9, contextLength: 6, width: 16, heads: 2, layers: 2, dropout: 0.1 };
const examples = {
  count: 8,
  batch: (indices: Int32Array) => {
    const ids = { data: new Int32Array(6 * indices.length), count: indices.length, length: 6 };
    return { inputs: ids, targets: ids };
  },
};

describe("estimateMemory", () => {
  it.each(["onnx", "cpu"])("counts what a step then takes, on %s", async (backend) => {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    const random = Random.fromSeed(1);
    using model = TinyTransformer.create(config, { random });
    const own = tf.memory().numTensors;
    const training = { batchSize: 8, weightAverage: { decay: 0.9 } };
    const estimate = await estimateMemory({ model, examples, training });
    const parameters = 4 * parameterCount(config);
    expect(estimate).toMatchObject({ weights: parameters, gradients: parameters, optimizer: 3 * parameters });
    expect(tf.memory().numTensors).toBe(own);

    // The same sum as a step has it in use at the end of its loss.
    let bytes = 0;
    const spied: typeof model = Object.assign(Object.create(null), {
      parameters: model.parameters,
      buffers: model.buffers,
      loss: (...options: Parameters<typeof model.loss>) => {
        const before = tf.memory().numBytes;
        const result = model.loss(...options);
        bytes = tf.memory().numBytes - before;
        return result;
      },
    });
    await train({ model: spied, examples, batchSize: 8, steps: 1, random, schedule: constantSchedule(1e-3) });
    expect(estimate.activations).toBeGreaterThan(0.9 * bytes);
    expect(estimate.activations).toBeLessThan(1.1 * bytes);
    const inParts = await estimateMemory({ model, examples, training: { ...training, gradientAccumulation: 4 } });
    expect(inParts.activations).toBeLessThan(estimate.activations / 2);
    // Of the blocks' matrices Muon keeps one moment, of all else two.
    const byMuon = await estimateMemory({ model, examples, training: { ...training, optimizer: "muon" } });
    const matrices = [...model.parameters].filter(([name, { rank }]) => name.includes(".h.") && rank > 1);
    const matrixBytes = matrices.reduce((sum, [, { size }]) => sum + 4 * size, 0);
    expect(matrixBytes).toBeGreaterThan(parameters / 2);
    expect(byMuon.optimizer).toBe(estimate.optimizer - matrixBytes);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await tf.setBackend("onnx");
  });
});

describe("checkTrainings", () => {
  it("refuses batches, schedules and memory that cannot be, and warns where memory may not suffice", async () => {
    using model = TinyTransformer.create(config, { random: Random.fromSeed(1) });
    const check = (training: object, machine = { total: 1e9, available: 1e9 }) =>
      checkTrainings(
        {
          transformer: {
            model,
            examples,
            count: 20,
            training: { batchSize: 8, learningRate: 1e-3, steps: 9, ...training },
          },
        },
        machine,
      );
    expect(await check({})).toBeUndefined();
    await expect(check({ batchSize: 21 })).rejects.toThrow(/batchSize: a step needs 21 examples and there are 20/);
    await expect(check({ warmUpSteps: 10 })).rejects.toThrow(/warmUpSteps/);
    // 20 examples make 2 steps an epoch.
    await expect(check({ steps: undefined, epochs: 4, warmUpSteps: 9 })).rejects.toThrow(/warmUpSteps/);
    await expect(check({}, { total: 1000, available: 1000 })).rejects.toThrow(/^transformer: its training takes about/);
    expect(await check({}, { total: 1e9, available: 1000 })).toMatch(/^transformer: .*are free/);
  });
});

describe("checkMemory", () => {
  const machine = { total: 16 * mib, available: 8 * mib };

  it("refuses what the machine cannot hold, warns where it may not, and says what it counted", () => {
    const refused = () => checkMemory({ vqvae: stage(6 * mib), transformer: stage(17 * mib) }, machine);
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(
      /^transformer: its training takes about 17 MiB of memory \(weights 1 MiB, gradients 1 MiB, optimizer 2 MiB, activations of a batch 13 MiB\) and there are 16 MiB\. Use a smaller batchSize/,
    );
    expect(checkMemory({ vqvae: stage(9 * mib) }, machine)).toMatch(/^vqvae: .*about 9 MiB .*8 MiB are free/);
    expect(checkMemory({ vqvae: stage(8 * mib) }, machine)).toBeUndefined();
  });

  it("is asked before a training touches its folder", async () => {
    const folder = join(root, "model");
    const limit = vi.spyOn(process, "constrainedMemory").mockReturnValue(1000);
    try {
      await expect(trainInto(folder, tinyTraining)).rejects.toThrow(/its training takes about/);
      expect(existsSync(folder)).toBe(false);
    } finally {
      limit.mockRestore();
    }
    const free = vi.spyOn(process, "availableMemory").mockReturnValue(1000);
    const warnings: string[] = [];
    const onWarning = (line: string) => {
      warnings.push(line);
    };
    try {
      const signal = AbortSignal.abort();
      await expect(trainInto(folder, { ...tinyTraining, onWarning, signal })).rejects.toThrow(/Stopped/);
    } finally {
      free.mockRestore();
    }
    expect(warnings).toEqual([expect.stringMatching(/are free/)]);
  });
});
