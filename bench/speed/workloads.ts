import { type ImageBatch, Random } from "@mmgen/core";
import { generate, rowSeeds } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { adamW, Optimizer } from "@mmgen/training";
import { CompiledStep } from "@mmgen/training/loop/compiled-step";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";

/** A workload on the active backend that can be run many times. */
export interface Workload {
  /** Number of values that the model learns. */
  readonly parameters?: number;
  /** Runs it once and reads its result. */
  run(): Promise<unknown>;
  dispose(): void;
}

/** How much a workload does at once. */
export interface WorkloadSize {
  readonly batch: number;
  /** Ids of a row, those that a generation draws among them; the work's own number if absent. */
  readonly length?: number;
  /** The work's own number if absent. */
  readonly layers?: number;
}

/** How to create a workload; `measure.py` has its PyTorch twin under the same name. */
export interface WorkloadPlan {
  readonly batch: number;
  /** Batch size for the comparison with the plain JavaScript backend; without it there is no comparison. */
  readonly smallBatch?: number;
  /** Its size for a GPU's driver in software. */
  readonly software?: WorkloadSize;
  create(size: WorkloadSize): Workload;
}

export const workloads: Readonly<Record<string, WorkloadPlan>> = {
  igpt: {
    ...{ batch: 128, smallBatch: 8, software: { batch: 8 } },
    create: ({ batch }) => transformerStep({ batch, ...igpt, dropout: 0.1 }),
  },
  /** Without masks: what a step costs the host in any case. */
  "igpt-no-dropout": {
    ...{ batch: 128, smallBatch: 8, software: { batch: 8 } },
    create: ({ batch }) => transformerStep({ batch, ...igpt, dropout: 0 }),
  },
  "vqvae-256": {
    ...{ batch: 32, smallBatch: 4, software: { batch: 4 } },
    create: ({ batch }) => vqVaeStep(batch, 256),
  },
  "vqvae-images": { batch: 32, software: { batch: 1 }, create: ({ batch }) => imageVqVaeStep(batch) },
  /** As `vqvae-64` and `vqvae-256`, on 64×64 pixels of 256 levels, and one halving more. */
  "vqvae-images-64": { batch: 32, software: { batch: 1 }, create: ({ batch }) => plainImageVqVaeStep(batch, 64) },
  "vqvae-images-256": { batch: 32, software: { batch: 1 }, create: ({ batch }) => plainImageVqVaeStep(batch, 256) },
  "vqvae-64": {
    ...{ batch: 128, smallBatch: 4, software: { batch: 4 } },
    create: ({ batch }) => vqVaeStep(batch, 64),
  },
  "gpt-d": {
    ...{ batch: 64, smallBatch: 4, software: { batch: 4 } },
    create: ({ batch }) =>
      transformerStep({ batch, length: 32, vocabularySize: 50, width: 384, heads: 8, layers: 8, dropout: 0.1 }),
  },
  "gpt-86m": {
    ...{ batch: 4, software: { batch: 1, length: 16, layers: 2 } },
    create: ({ batch, length = 256, layers = 12 }) =>
      transformerStep({ batch, length, vocabularySize: 1024, width: 768, heads: 12, layers, dropout: 0.1 }),
  },
  "image-transformer": {
    ...{ batch: 32, software: { batch: 1 } },
    create: ({ batch }) =>
      transformerStep({ batch, length: 256, vocabularySize: 512, width: 256, heads: 8, layers: 6, dropout: 0.1 }),
  },
  "diffusion-64": { batch: 64, software: { batch: 4 }, create: ({ batch }) => diffusionRound(batch) },
  "generate-1": { batch: 1, software: { batch: 1, length: 9 }, create: generation },
  "generate-64": { batch: 64, software: { batch: 16, length: 9 }, create: generation },
  "generate-1024": { batch: 1024, software: { batch: 64, length: 9 }, create: generation },
  encode: { batch: 512, software: { batch: 8 }, create: ({ batch }) => encoding(batch) },
  decode: { batch: 512, software: { batch: 8 }, create: ({ batch }) => decoding(batch) },
  /** The machine's speed: a product of two matrices of 1024² numbers. */
  product: { batch: 1024, create: ({ batch }) => product(batch) },
};

const igpt = { length: 57, vocabularySize: 170, width: 128, heads: 4, layers: 4 };

export interface TransformerStep {
  readonly batch: number;
  readonly length: number;
  readonly vocabularySize: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly dropout: number;
}

export function transformerStep({ batch, length, ...size }: TransformerStep): Workload {
  const random = Random.fromSeed(1);
  const model = TinyTransformer.create({ contextLength: length, ...size }, { random });
  const optimizer = Optimizer.create(model.parameters, adamW({ clipNorm: 1, weightDecay: 0.01 }));
  const draw = () => ({
    data: Int32Array.from({ length: batch * length }, () => random.integer(size.vocabularySize)),
    ...{ count: batch, length },
  });
  return trainingWorkload(model, optimizer, () => ({ inputs: draw(), targets: draw() }));
}

function vqVaeStep(batch: number, hiddenChannels: number): Workload {
  return tokenizerStep(batch, {
    network: { hiddenChannels },
    quantizer: { codebookSize: 128, codeDimension: hiddenChannels, start: "uniform" },
  });
}

/** Batch norm and transposed convolutions. */
function plainImageVqVaeStep(batch: number, hiddenChannels: number): Workload {
  return tokenizerStep(batch, {
    ...{ imageSide: 64, maxValue: 255 },
    network: { hiddenChannels, stages: 3 },
    quantizer: { codebookSize: 512, codeDimension: 32, start: "uniform" },
  });
}

/** 64×64 pixels of 256 levels: channels by level, GroupNorm–SiLU blocks, pixels repeated on the way up. */
function imageVqVaeStep(batch: number): Workload {
  return tokenizerStep(batch, {
    ...{ imageSide: 64, maxValue: 255 },
    network: {
      levels: [32, 64, 128],
      levelBlocks: 1,
      residualFilter: 3,
      normalization: "group",
      activation: "silu",
      upsampling: "nearest",
    },
    quantizer: { codebookSize: 256, codeDimension: 64, start: "uniform" },
  });
}

function tokenizerStep(batch: number, options: VqVaeOptions): Workload {
  const random = Random.fromSeed(1);
  const model = VqVae.create(options, { random });
  const { height: side, maxValue } = model.imageShape;
  const optimizer = Optimizer.create(model.parameters, adamW({ weightDecay: 0.01 }));
  return trainingWorkload(model, optimizer, () => noise(batch, random, { side, maxValue }));
}

/** Steps with a learning rate and draws of their own; the batches, which are drawn beforehand, take turns. */
// biome-ignore lint/suspicious/noExplicitAny: the two models have different batches.
function trainingWorkload(model: any, optimizer: Optimizer, drawBatch: () => unknown): Workload {
  const random = Random.fromSeed(2);
  const step = new CompiledStep({ model, optimizer });
  const batches = Array.from({ length: 4 }, drawBatch);
  let taken = 0;
  return {
    parameters: model.parameterCount,
    async run() {
      const batch = batches[taken % batches.length];
      const learningRate = 1e-3 / ++taken;
      const [now, next] = [taken, taken + 1].map((number) => random.fork("step").fork(number));
      const { values } = step.step({ batch, learningRate, random: now!, nextRandom: next });
      await values.data();
      values.dispose();
    },
    dispose() {
      step.dispose();
      optimizer.dispose();
      model.dispose();
    },
  };
}

/** A prompt of one id, and all ids after it. */
function generation({ batch, length = igpt.length + 1 }: WorkloadSize): Workload {
  const { length: _, ...size } = igpt;
  const model = TinyTransformer.create({ contextLength: igpt.length + 1, ...size }, { random: Random.fromSeed(1) });
  const prompt = { data: new Int32Array(batch), count: batch, length: 1 };
  return {
    run: () => generate({ model, prompt, seeds: rowSeeds(1, batch), temperature: 1, steps: length - 1 }),
    dispose: () => model.dispose(),
  };
}

function imageTokenizer(random: Random): VqVae {
  return VqVae.create(
    { network: { hiddenChannels: 256 }, quantizer: { codebookSize: 128, codeDimension: 256, start: "uniform" } },
    { random },
  );
}

function decoding(batch: number): Workload {
  const random = Random.fromSeed(1);
  const model = imageTokenizer(random);
  const { height, width } = model.codeGrid;
  const data = Int32Array.from({ length: batch * height * width }, () => random.integer(128));
  const codes = { data, count: batch, height, width };
  return { run: () => model.decode(codes), dispose: () => model.dispose() };
}

function product(side: number): Workload {
  const random = Random.fromSeed(1);
  const draw = () =>
    tf.tensor2d(
      Float32Array.from({ length: side ** 2 }, () => random.uniform()),
      [side, side],
    );
  const factors = [draw(), draw()] as const;
  return {
    async run() {
      const result = tf.matMul(...factors);
      await result.data();
      result.dispose();
    },
    dispose: () => tf.dispose([...factors]),
  };
}

/** One round of a discrete diffusion: a bidirectional pass over all codes of some images. */
function diffusionRound(batch: number): Workload {
  const random = Random.fromSeed(1);
  const { length: _, ...size } = igpt;
  const model = TinyTransformer.create({ contextLength: 64, causal: false, ...size }, { random });
  const data = Int32Array.from({ length: batch * 64 }, () => random.integer(igpt.vocabularySize));
  return { run: () => model.logits({ data, count: batch, length: 64 }), dispose: () => model.dispose() };
}

function encoding(batch: number): Workload {
  const random = Random.fromSeed(1);
  const model = imageTokenizer(random);
  const images = noise(batch, random);
  return { run: () => model.encode(images), dispose: () => model.dispose() };
}

function noise(count: number, random: Random, { side = 28, maxValue = 3 } = {}): ImageBatch {
  const data = Uint8Array.from({ length: count * side * side * 3 }, () => random.integer(maxValue + 1));
  return { data, count, height: side, width: side, channels: 3, maxValue };
}
