import { registerOnnxBackend } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { type ImageBatch, localProcesses, Random, type TokenBatch } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, train } from "@mmgen/training";
import { AdversarialVqVae, VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";

beforeAll(async () => {
  registerOnnxBackend({ intraOpNumThreads: 1 });
  await tf.setBackend("onnx");
});

type Model = TensorTrainable<never> & { dispose(): void };

const levels = Uint8Array.from({ length: 8 * 64 }, (_, i) => (i * i) % 9);
const images: ImageBatch = { data: levels, count: 8, height: 8, width: 8, channels: 1, maxValue: 8 };

/** A codebook most of whose codes are dead, so that every step draws replacements, and batch norms. */
function vqvae(normalization: "batch" | "group" = "batch") {
  const quantizer = { codebookSize: 16, codeDimension: 4, start: "uniform", deadCodeThreshold: 0.5 } as const;
  const network = { hiddenChannels: 4, residualBlocks: 1, normalization } as const;
  const options = { imageSide: 8, channels: 1, maxValue: 8, head: "regression", network, quantizer } as const;
  return VqVae.create(options, { random: Random.fromSeed(1) });
}

function adversarial(): Model {
  const codec = vqvae("group");
  const options = { discriminator: { baseChannels: 4 }, weighting: { type: "constant", weight: 0.1 } } as const;
  const model = AdversarialVqVae.create(codec, options, { random: Random.fromSeed(2) });
  const dispose = model.dispose.bind(model);
  return Object.assign(model, {
    dispose: () => {
      dispose();
      codec.dispose();
    },
  }) as unknown as Model;
}

function transformer(): Model {
  const sizes = { vocabularySize: 5, contextLength: 6, width: 8, heads: 2, layers: 2, dropout: 0.5 };
  return TinyTransformer.create(sizes, { random: Random.fromSeed(1) }) as unknown as Model;
}

/** Rows whose targets count differently, so that the parts of a step do. */
const sequences = {
  count: 8,
  batch: (indices: Int32Array) => {
    const data = Int32Array.from({ length: 6 * indices.length }, (_, i) => (indices[Math.floor(i / 6)]! + i * 3) % 5);
    const rows: TokenBatch = { data, count: indices.length, length: 6 };
    return { inputs: rows, targets: rows, weights: Float32Array.from(data, (id) => id % 3) };
  },
};

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
