import { type OnnxBackendOptions, registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, tokenExamples, train } from "@mmgen/training";
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
  const data = Int32Array.from({ length: 16 * 65 }, () => random.integer(5));
  await train({
    ...{ model, examples: tokenExamples({ data, count: 16, length: 65 }), batchSize: 8, steps: 5 },
    ...{ schedule: constantSchedule(1e-2), optimizer: {}, random: Random.fromSeed(3) },
  });
  return model.toSafetensors();
}

it.each<[string, OnnxBackendOptions]>([
  ["the binding", { runtime: "binding" }],
  ["the C API", { runtime: "c-api" }],
])("a training whose masks a thread draws ahead is the same to the byte on %s", async (_, options) => {
  await useOnnx({ intraOpNumThreads: 1, ...options });
  const { availableParallelism, getBuiltinModule } = { ...process, availableParallelism: vi.fn(() => 1) };
  const withCores = (count: number) => {
    availableParallelism.mockReturnValue(count);
    vi.spyOn(process, "getBuiltinModule").mockImplementation(((id: string) =>
      id === "node:os" ? { availableParallelism } : getBuiltinModule(id)) as typeof getBuiltinModule);
  };
  withCores(1);
  const alone = await trained();
  expect(availableParallelism).toHaveBeenCalled();
  withCores(2);
  const loads = vi.spyOn(Atomics, "load");
  const before = tf.memory().numTensors;
  const ahead = await trained();
  expect(loads).toHaveBeenCalled();
  expect(tf.memory().numTensors).toBe(before);
  expect(Buffer.compare(ahead, alone)).toBe(0);
});
