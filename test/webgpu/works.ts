import {
  type CodeBatch,
  type ExampleSource,
  type Grammar,
  type ImageBatch,
  Random,
  type TokenBatch,
} from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { corruptBatch, denoise, generate, type KernelOptions, rowSeeds } from "@mmgen/samplers";
import { TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import { constantSchedule, type TrainingResult, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";

/** Something small that programs do with a model, and the numbers that come of it. */
export interface Work {
  readonly name: string;
  /** Whether the numbers are losses of training steps, equal on all providers but for rounding; otherwise ids and levels. */
  readonly trains: boolean;
  /** Whether it has enough runs that follow each other for them to be captured and replayed. */
  readonly replays: boolean;
  run(): Promise<readonly number[]>;
}

/** Told of every training step. */
export const watch: { onStep(): void } = { onStep: () => {} };

const random = () => Random.fromSeed(1);

const side = 8;
const images: ImageBatch = {
  ...{ count: 4, height: side, width: side, channels: 3, maxValue: 3 },
  data: Uint8Array.from({ length: 4 * side * side * 3 }, (_, i) => (i * i * 7 + (i >> 3)) % 4),
};

/** With an EMA codebook, most of whose codes are dead, so that every step draws replacements. */
function vqvae(): VqVae {
  const quantizer = { codebookSize: 8, codeDimension: 4, start: "uniform", deadCodeThreshold: 0.5 } as const;
  const network = { hiddenChannels: 8, residualBlocks: 1 };
  return VqVae.create({ imageSide: side, network, quantizer }, { random: random() });
}

const [length, maskId] = [8, 11];
const ids: TokenBatch = { data: Int32Array.from({ length: 4 * length }, (_, i) => (i * i * 5) % 11), count: 4, length };

function transformer(causal: boolean): TinyTransformer {
  const sizes = { vocabularySize: 12, contextLength: length, width: 8, heads: 2, layers: 1, dropout: 0.1 };
  return TinyTransformer.create({ ...sizes, causal }, { random: random() });
}

const kernel: KernelOptions = { type: "mask-and-replace", steps: 8, untouched: [0.95, 0.05], masked: [0.02, 0.6] };
const legal = { from: new Int32Array(length), to: new Int32Array(length).fill(11) };

/** A model to train, and batches for it, of which each step draws one of its own. */
export interface Training<Batch = never> {
  readonly name: string;
  create(): TensorTrainable<Batch, never> & Disposable;
  batch(random: Random): Batch;
}

const training = <Batch>(given: Training<Batch>) => given as unknown as Training;

/** Rows of ids below 11. */
function drawIds(random: Random): TokenBatch {
  return { data: Int32Array.from({ length: 4 * length }, () => random.integer(11)), count: 4, length };
}

export const trainings: readonly Training[] = [
  training<ImageBatch>({
    name: "train a VQ-VAE",
    create: () => vqvae() as never,
    batch: (random) => ({ ...images, data: Uint8Array.from(images.data, () => random.integer(4)) }),
  }),
  training<TransformerBatch>({
    name: "train a transformer",
    create: () => transformer(true) as never,
    batch: (random) => {
      const rows = drawIds(random);
      return { inputs: rows, targets: rows };
    },
  }),
  training<TransformerBatch>({
    name: "train a diffusion model",
    create: () => transformer(false) as never,
    batch: (random) => corruptBatch({ ids: drawIds(random.fork("ids")), kernel, random, legal, maskId }),
  }),
];

/** Takes 20 steps, each on a batch of its own. */
export async function takeSteps({ create, batch }: Training): Promise<TrainingResult> {
  using model = create();
  const examples: ExampleSource<never> = { count: 4, batch: (_, { random }) => batch(random) };
  const schedule = constantSchedule(1e-3);
  const observers = [{ onStep: () => watch.onStep() }];
  return await train({ model, examples, batchSize: 4, steps: 20, schedule, random: random(), observers });
}

/** After an even id only odd ones. */
function grammar(): Grammar {
  const [vocabularySize, stateCount] = [12, 2];
  const allowed = Uint8Array.from({ length: stateCount * vocabularySize }, (_, i) => (i < 12 || i % 2 === 1 ? 1 : 0));
  const next = Int32Array.from(allowed, (_, i) => (i + 1) % 2);
  return { vocabularySize, stateCount, start: 0, allowed, next };
}

const prompt: TokenBatch = { data: Int32Array.of(1, 4, 7), count: 3, length: 1 };

export const works: readonly Work[] = [
  ...trainings.map((training) => ({
    ...{ name: training.name, trains: true, replays: true },
    run: async () => (await takeSteps(training)).history.steps.map(({ loss }) => loss),
  })),
  {
    name: "encode",
    trains: false,
    replays: false,
    run: async () => {
      using model = vqvae();
      return [...(await model.encode(images)).data];
    },
  },
  {
    name: "decode",
    trains: false,
    replays: false,
    run: async () => {
      using model = vqvae();
      const { height, width } = model.codeGrid;
      const data = Int32Array.from({ length: 4 * height * width }, (_, i) => (i * 3) % 8);
      const codes: CodeBatch = { data, count: 4, height, width };
      return [...(await model.decode(codes)).data];
    },
  },
  {
    name: "generate",
    trains: false,
    replays: true,
    run: async () => {
      using model = transformer(true);
      const all = { prompt, steps: length - 1, seeds: rowSeeds(3, 3), grammar: grammar(), temperature: 0.9 };
      return [...(await generate({ model, ...all })).data];
    },
  },
  {
    name: "generate from the likeliest",
    trains: false,
    replays: false,
    run: async () => {
      using model = transformer(true);
      const sampling = { temperature: 0.9, topK: 8, topP: 0.9 };
      const all = { prompt, steps: length - 1, seeds: rowSeeds(3, 3), grammar: grammar(), ...sampling };
      return [...(await generate({ model, ...all })).data];
    },
  },
  {
    name: "generate step by step",
    trains: false,
    replays: false,
    run: async () => {
      using model = transformer(true);
      const decoding = await model.prefill(prompt);
      try {
        const steps = [Int32Array.of(2, 5, 8), Int32Array.of(3, 6, 9)];
        const logits: number[] = [];
        for (const step of steps) {
          logits.push(...(await decoding.step(step)));
        }
        return logits.map((logit) => Math.round(logit * 1e4));
      } finally {
        decoding.dispose();
      }
    },
  },
  {
    name: "denoise",
    trains: false,
    replays: true,
    run: async () => {
      using model = transformer(false);
      const sampler = { type: "ancestral", rounds: 4 } as const;
      const known = Uint8Array.from(ids.data, (_, i) => (i % length < 2 ? 1 : 0));
      return [...(await denoise({ model, ids, known, legal, maskId, seeds: rowSeeds(5, 4), kernel, sampler })).data];
    },
  },
];
