import { type OnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import { type ExampleSource, type ImageBatch, Random } from "@mmgen/core";
import "@mmgen/nn/gradients";
import { rowSeeds } from "@mmgen/samplers";
import { TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it } from "vitest";
import { pageOrt } from "../packages/backend-onnx/src/replay/page-ort.fixture.js";
import { deviceRuntime } from "../packages/backend-onnx/src/runtime/device-runtime.fixture.js";
import { ortRuntime } from "../packages/backend-onnx/src/runtime/ort-runtime.js";

afterEach(() => tf.engine().reset());

const images: ImageBatch = {
  ...{ count: 8, height: 8, width: 8, channels: 3, maxValue: 3 },
  data: Uint8Array.from({ length: 8 * 192 }, (_, i) => (i * i * 7 + (i >> 3)) % 4),
};
const ids = { data: Int32Array.from({ length: 4 * 6 }, (_, i) => (i * 5) % 9), count: 4, length: 6 };
const sequences: ExampleSource<TransformerBatch> = { count: 8, batch: () => ({ inputs: ids, targets: ids }) };

function transformer(): TinyTransformer {
  const sizes = { vocabularySize: 9, contextLength: 6, width: 8, heads: 2, layers: 1, dropout: 0.1 };
  return TinyTransformer.create(sizes, { random: Random.fromSeed(2) });
}

/** With an EMA codebook, most of whose codes are dead, so that every step draws replacements. */
function vqvae(): VqVae {
  const quantizer = { codebookSize: 8, codeDimension: 4, start: "uniform", deadCodeThreshold: 0.5 } as const;
  const network = { hiddenChannels: 8, residualBlocks: 1 };
  return VqVae.create({ imageSide: 8, network, quantizer }, { random: Random.fromSeed(2) });
}

const kinds = [
  ["a transformer with dropout", { create: transformer, examples: sequences }],
  ["a VQ-VAE whose dead codes are redrawn", { create: vqvae, examples: imageExamples(images) }],
] as unknown as [string, { create(): TinyTransformer; examples: ExampleSource<TransformerBatch> }][];

describe.each(kinds)("on a runtime of promises, steps of %s", (_, { create, examples }) => {
  /** Losses, and after every step the nodes recorded and the graphs run so far. */
  async function run(backend: OnnxBackend) {
    const counts: { readonly recorded: number; readonly runs: number }[] = [];
    const onStep = () => {
      const { hits, misses } = backend.sessions();
      counts.push({ recorded: backend.graph.nextOrder, runs: hits + misses });
    };
    using model = create();
    const { history } = await train({
      ...{ model, examples, batchSize: 4, steps: 8, random: Random.fromSeed(1) },
      ...{ schedule: constantSchedule(1e-2), observers: [{ onStep }] },
    });
    return { losses: history.steps.map(({ loss }) => loss), counts };
  }

  it("are recorded once, and one graph each afterwards", async () => {
    const { losses: expected } = await run(
      await useOnnx({ runtime: deviceRuntime(true), executionProviders: ["webgpu"] }),
    );
    tf.engine().reset();
    const { losses, counts } = await run(
      await useOnnx({ runtime: deviceRuntime(false), executionProviders: ["webgpu"] }),
    );
    expect(losses).toEqual(expected);
    const [first] = counts;
    expect(counts.map(({ recorded }) => recorded)).toEqual(counts.map(() => first!.recorded));
    expect(counts.map(({ runs }) => runs)).toEqual(counts.map((_, i) => first!.runs + i));
  });

  it("are captured and replayed in a page, with the same losses", async () => {
    const compute = async (replay: boolean) => {
      const ort = pageOrt();
      const backend = await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["webgpu"], replay });
      const { losses } = await run(backend);
      const { replayed, notReplayed } = backend.sessions();
      expect([replayed, notReplayed]).toEqual([replay ? 1 : 0, []]);
      // Two steps are observed, two captured.
      expect(ort.replays()).toBe(replay ? 4 : 0);
      backend.dispose();
      expect(ort.live()).toBe(0);
      return losses;
    };
    const expected = await compute(false);
    tf.engine().reset();
    expect(await compute(true)).toEqual(expected);
  });
});

it("ids of a generation in a page, whose steps are replayed, are those of one whose steps are not", async () => {
  const compute = async (replay: boolean) => {
    const ort = pageOrt();
    const backend = await useOnnx({ runtime: ortRuntime(ort), executionProviders: ["webgpu"], replay });
    using model = transformer();
    const prompt = { data: Int32Array.of(1, 4, 7), count: 3, length: 1 };
    const found = await model.decode!({ prompt, steps: 5, seeds: rowSeeds(3, 3), temperature: 0.9 });
    expect(backend.sessions()).toMatchObject({ replayed: replay ? 1 : 0, notReplayed: [] });
    return [...found.data];
  };
  const expected = await compute(false);
  tf.engine().reset();
  expect(await compute(true)).toEqual(expected);
});
