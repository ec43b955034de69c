import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import { type DecodePlan, type Grammar, Random, type SequenceModel } from "@mmgen/core";
import { denoise, generate, rowSeeds } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it } from "vitest";
import { cApiRuntime } from "../packages/backend-onnx/src/c-api/c-api-runtime.js";
import { openEnvironment } from "../packages/backend-onnx/src/c-api/environment.js";
import { type DeviceRuntime, deviceRuntime } from "../packages/backend-onnx/src/runtime/device-runtime.fixture.js";
import type { Runtime } from "../packages/backend-onnx/src/runtime/runtime.js";

const config = { vocabularySize: 13, contextLength: 12, width: 12, heads: 2, layers: 2 };

afterEach(() => {
  tf.engine().reset();
  registerOnnxBackend({});
});

/** A device without loops, played by the host. */
async function startDevice(synchronous: boolean): Promise<DeviceRuntime> {
  const runtime = deviceRuntime(synchronous);
  registerOnnxBackend({ runtime, executionProviders: ["webgpu"] });
  await tf.setBackend("onnx");
  return runtime;
}

/** The C API on the cpu's memory, taken for a device's: steps are bound to two sets of buffers that swap roles. */
async function startReplaying(replay: boolean): Promise<OnnxBackend> {
  const inner = cApiRuntime(2);
  const runtime: Runtime = {
    ...{ name: "the C API", synchronous: true, canReplay: true },
    upload: (...tensor) => inner.upload(...tensor),
    createSession: (model, inputs, outputs, options) =>
      inner.createSession(model, inputs, outputs, { ...options, executionProviders: ["cpu"] }),
    dispose: () => inner.dispose?.(),
  };
  registerOnnxBackend({ runtime, executionProviders: ["webgpu"], replay });
  await tf.setBackend("onnx");
  return tf.backend() as OnnxBackend;
}

/** A model whose logits differ widely. */
function create(causal: boolean): TinyTransformer {
  const model = TinyTransformer.create({ ...config, causal }, { random: Random.fromSeed(1) });
  tf.tidy(() => {
    for (const variable of model.parameters.values()) {
      variable.assign(tf.mul(variable, variable.rank === 2 ? 8 : 1));
    }
  });
  return model;
}

/** After an even id only ids of at least 6, after an odd one only those below. */
function grammar(): Grammar {
  const { vocabularySize } = config;
  const allowed = Uint8Array.from({ length: 3 * vocabularySize }, (_, i) => {
    const [state, id] = [Math.floor(i / vocabularySize), i % vocabularySize];
    return state === 0 || id >= 6 === (state === 1) ? 1 : 0;
  });
  const next = Int32Array.from(allowed, (_, i) => 1 + ((i % vocabularySize) % 2));
  return { vocabularySize, stateCount: 3, start: 0, allowed, next };
}

const prompt = { data: Int32Array.of(2, 7, 1, 3, 4, 11), count: 3, length: 2 };
const byStep = (model: TinyTransformer): SequenceModel => ({
  ...config,
  prefill: (ids) => model.prefill(ids),
});

it.each([true, false])(
  "a device decodes what the sampler chooses step by step (synchronous: %s)",
  async (synchronous) => {
    const runtime = await startDevice(synchronous);
    const model = create(true);
    const without = { data: prompt.data.map((id) => (id + 2) % 13), count: 3, length: 2 };
    for (const options of [
      { temperature: 0, steps: 1 },
      { temperature: 1.1, topK: 7, topP: 0.9, grammar: grammar() },
      { temperature: 0.8, grammar: grammar(), guidance: { prompt: without, scale: { from: 1.5, to: 4 } }, steps: 6 },
    ]) {
      const all = { steps: 10, prompt, seeds: rowSeeds(3, 3), ...options };
      expect(await generate({ model, ...all })).toEqual(await generate({ model: byStep(model), ...all }));
    }
    const plan: DecodePlan = { prompt, steps: 8, seeds: rowSeeds(3, 3), temperature: 1 };
    await model.decode!(plan);
    const before = [runtime.live(), tf.memory().numTensors];
    const { misses } = (tf.backend() as OnnxBackend).sessions();
    await model.decode!(plan);
    expect([runtime.live(), tf.memory().numTensors]).toEqual(before);
    // Every step runs the same graph as the step before.
    expect((tf.backend() as OnnxBackend).sessions().misses).toBe(misses);
    expect((await model.decode!({ ...plan, steps: 0 })).data).toEqual(prompt.data);
    model.dispose();
  },
);

it("steps of a decode are replayed, with the ids of one that is not", async () => {
  const without = { data: prompt.data.map((id) => (id + 2) % 13), count: 3, length: 2 };
  const guidance = { prompt: without, scale: { from: 1.5, to: 4 } };
  const other = { data: Int32Array.of(2, 8, 3, 1, 6, 9), count: 3, length: 2 };
  // With topK or topP the provider WebGPU is not asked to capture.
  const calls: Partial<Parameters<typeof generate>[0]>[] = [
    { temperature: 1.1, grammar: grammar(), guidance },
    // Other seeds and prompts on the same graphs, and one row alone.
    { temperature: 1.1, grammar: grammar(), guidance, prompt: other, seeds: rowSeeds(8, 3) },
    { temperature: 0.9, prompt: { data: Int32Array.of(3, 4), count: 1, length: 2 }, seeds: rowSeeds(2, 1) },
    { temperature: 0 },
  ];
  const compute = async (replay: boolean) => {
    const backend = await startReplaying(replay);
    const model = create(true);
    const run = async () => {
      const found: number[][] = [];
      for (const call of calls) {
        found.push([...(await generate({ model, prompt, steps: 10, seeds: rowSeeds(3, 3), ...call })).data]);
      }
      return found;
    };
    const ids = await run();
    const count = () => ({
      ...{ tensors: tf.memory().numTensors, misses: backend.sessions().misses },
      ...{ onDevice: backend.memory().deviceBytes, native: openEnvironment(2).arena!.bytes().inUse },
    });
    const before = count();
    expect(await run()).toEqual(ids);
    expect(count()).toEqual(before);
    const { replayed, notReplayed } = backend.sessions();
    // The first two calls run the same graph.
    expect([replayed, notReplayed]).toEqual([replay ? calls.length - 1 : 0, []]);
    model.dispose();
    expect(backend.memory().deviceBytes).toBe(0);
    return ids;
  };
  const expected = await compute(false);
  tf.engine().reset();
  expect(await compute(true)).toEqual(expected);
});

it("a device denoises as the cpu does, a round at a time", async () => {
  const ids = { data: Int32Array.from({ length: 24 }, (_, i) => (i * i) % 10), count: 2, length: 12 };
  const known = Uint8Array.from(ids.data, (_, i) => (i % 12 < 3 ? 1 : 0));
  const legal = { from: new Int32Array(12), to: new Int32Array(12).fill(10) };
  const run = () =>
    denoise({
      ...{ model: create(false), ids, known, legal, maskId: 12, seeds: rowSeeds(5, 2) },
      kernel: { type: "absorbing" },
      sampler: { type: "confidence", rounds: 5 },
    });
  registerOnnxBackend({});
  await tf.setBackend("onnx");
  const expected = await run();
  tf.engine().reset();
  await startDevice(true);
  expect(await run()).toEqual(expected);
});
