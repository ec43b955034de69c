import { type OnnxBackendOptions, registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, train, windowExamples } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it, vi } from "vitest";

afterEach(() => {
  vi.restoreAllMocks();
  tf.engine().reset();
  registerOnnxBackend({});
});

/** Trains a transformer whose masks take 300 KB a step; its file. */
async function trained(): Promise<Uint8Array> {
  const sizes = { vocabularySize: 5, contextLength: 64, width: 64, heads: 2, layers: 2, dropout: 0.2 };
  using model = TinyTransformer.create(sizes, { random: Random.fromSeed(1) });
  const random = Random.fromSeed(2);
  const text = Int32Array.from({ length: 500 }, () => random.integer(5));
  await train({
    ...{ model, examples: windowExamples(text, { length: 64 }), batchSize: 8, steps: 5 },
    ...{ schedule: constantSchedule(1e-2), optimizer: {}, random: Random.fromSeed(3) },
  });
  return model.toSafetensors();
}

it.each<[string, OnnxBackendOptions]>([
  ["the binding", { runtime: "binding" }],
  ["the C API", { runtime: "c-api" }],
])("a training whose masks a thread may draw ahead is the same to the byte on %s", async (_, options) => {
  await useOnnx({ intraOpNumThreads: 1, ...options });
  const { getBuiltinModule } = process;
  const availableParallelism = vi.fn(() => 1);
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((id: string) =>
    id === "node:os" ? { availableParallelism } : getBuiltinModule(id)) as typeof getBuiltinModule);
  const alone = await trained();
  availableParallelism.mockReturnValue(2);
  const waits = vi.spyOn(Atomics, "load");
  const before = tf.memory().numTensors;
  const ahead = await trained();
  // The binding reads no memory that threads share.
  expect(waits.mock.calls.length > 0).toBe(options.runtime === "c-api");
  expect(tf.memory().numTensors).toBe(before);
  expect(Buffer.compare(ahead, alone)).toBe(0);
});
