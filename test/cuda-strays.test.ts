import { type OnnxBackend, type OnnxBackendOptions, registerOnnxBackend } from "@mmgen/backend-onnx";
import "@mmgen/nn/gradients";
import { type ImageBatch, Random } from "@mmgen/core";
import { adamW, constantSchedule, imageExamples, muon, type TrainOptions, train } from "@mmgen/training";
import { AdversarialVqVae, VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it, vi } from "vitest";
import { straysOnCuda } from "../packages/backend-onnx/src/graph/cuda-kernels.fixture.js";
import type { LazyNode } from "../packages/backend-onnx/src/graph/lazy-value.js";
import { deviceRuntime } from "../packages/backend-onnx/src/runtime/device-runtime.fixture.js";
import { type Work, works } from "./webgpu/works.js";

afterEach(() => tf.engine().reset());

const random = () => Random.fromSeed(1);

const images: ImageBatch = {
  ...{ count: 8, height: 8, width: 8, channels: 3, maxValue: 255 },
  data: Uint8Array.from({ length: 8 * 192 }, (_, i) => (i * i * 7 + 31 * Math.floor(i / 192) + 13 * i) % 256),
};
const network = { levels: [8, 8], residualBlocks: 1, normalization: "group", upsampling: "nearest" } as const;
const codebook = { codebookSize: 8, codeDimension: 4, start: "uniform", deadCodeThreshold: 0.5 } as const;

function vqvae(options: VqVaeOptions = {}): VqVae {
  return VqVae.create({ imageSide: 8, maxValue: 255, network, quantizer: codebook, ...options }, { random: random() });
}

/** Adam's epsilon is large: a gradient that is 0 but for rounding would else become a step of full length. */
const optimizer = adamW({ clipNorm: 1, epsilon: 1e-2 });

async function losses(model: TrainOptions<ImageBatch, tf.NamedTensorMap>["model"], options: object = { optimizer }) {
  const all = { model, examples: imageExamples(images), batchSize: 4, steps: 3, schedule: constantSchedule(1e-2) };
  const { history } = await train({ ...all, random: random(), ...options });
  return history.steps.map(({ loss }) => loss);
}

function training(name: string, create: () => VqVae, options?: object): Work {
  const run = async () => {
    using model = create();
    return await losses(model, options);
  };
  return { name, trains: true, replays: true, run };
}

/** Beside those that are run on WebGPU. */
const others: readonly Work[] = [
  training("train a VQ-VAE of images, with group norms, by AdamW", () => vqvae(), {
    optimizer,
    weightAverage: { decay: 0.9 },
  }),
  training("train a VQ-VAE of images by Muon", () => vqvae(), { optimizer: muon({ clipNorm: 1, epsilon: 1e-2 }) }),
  training("train a codebook that gradients move", () =>
    vqvae({ quantizer: { ...codebook, codebook: "gradient", gradientEstimator: "rotation" } }),
  ),
  {
    name: "train against a discriminator",
    trains: true,
    replays: true,
    run: async () => {
      using model = vqvae();
      const discriminator = { baseChannels: 4, levels: 2, blurPool: true };
      const augmentation = ["color", "translation", "cutout"] as const;
      const options = { discriminator, augmentation, startStep: 1, rampSteps: 1, lecam: { weight: 0.05, decay: 0.9 } };
      using pair = AdversarialVqVae.create(model, options, { random: Random.fromSeed(2) });
      return await losses(pair, { optimizer, adversary: { optimizer } });
    },
  },
  {
    name: "encode and decode images",
    trains: false,
    replays: false,
    run: async () => {
      using model = vqvae();
      const codes = await model.encode(images);
      return [...codes.data, ...(await model.decode(codes)).data];
    },
  },
];

/** What a work comes to on a backend, and all nodes that it records. */
async function record({ run }: Work, options: OnnxBackendOptions) {
  registerOnnxBackend({ intraOpNumThreads: 1, fallback: false, ...options });
  await tf.setBackend("onnx");
  const planned = vi.spyOn((tf.backend() as OnnxBackend).planner, "plan");
  const numbers = await run();
  const nodes: readonly LazyNode[] = planned.mock.results.flatMap(({ value }) => value.nodes);
  return { numbers, nodes };
}

it.each([...works, ...others].map((work) => [work.name, work] as const))(
  "all nodes have a kernel of CUDA's: %s",
  async (_, work) => {
    const expected = await record(work, {});
    tf.engine().reset();
    // Graphs for CUDA, run on the cpu.
    const runtime = { ...deviceRuntime(true), canReplay: true };
    const found = await record(work, { runtime, executionProviders: ["cuda"], replay: true });
    expect(found.nodes.length).toBeGreaterThan(10);
    expect([...new Set(straysOnCuda(found.nodes))]).toEqual([]);
    expect(found.numbers).toHaveLength(expected.numbers.length);
    for (const [i, number] of found.numbers.entries()) {
      expect(Math.abs(number - expected.numbers[i]!)).toBeLessThanOrEqual(work.trains ? 1e-5 : 0);
    }
  },
);
