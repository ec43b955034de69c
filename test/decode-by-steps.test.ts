import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import { type DecodePlan, type Grammar, Random, type SequenceModel } from "@mmgen/core";
import { denoise, generate, rowSeeds } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it } from "vitest";
import { type DeviceRuntime, deviceRuntime } from "../packages/backend-onnx/src/runtime/device-runtime.fixture.js";

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
