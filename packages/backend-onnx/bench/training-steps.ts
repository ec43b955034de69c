import { type ImageBatch, Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { AdamW } from "@mmgen/training";
import { trainingStep } from "@mmgen/training/training-step";
import { VqVae } from "@mmgen/vqvae";

/** One training step of a model on the active backend. */
export interface TrainingWork {
  readonly name: string;
  readonly batch: number;
  /** Takes one step and gives its loss. */
  step(): Promise<number>;
  dispose(): void;
}

export interface WorkPlan {
  readonly name: string;
  readonly batch: number;
  /** A batch that the plain JavaScript backend can be waited for. */
  readonly smallBatch: number;
  create(batch: number): TrainingWork;
}

export const workPlans: readonly WorkPlan[] = [
  { name: "iGPT, d 128, 4 layers, 57 ids", batch: 128, smallBatch: 8, create: (batch) => transformer(batch, 0) },
  { name: "iGPT with dropout 0.1", batch: 128, smallBatch: 8, create: (batch) => transformer(batch, 0.1) },
  { name: "VQ-VAE 28×28×3, 64 channels", batch: 128, smallBatch: 4, create: (batch) => vqVae(batch, 64) },
  { name: "VQ-VAE 28×28×3, 256 channels", batch: 32, smallBatch: 4, create: (batch) => vqVae(batch, 256) },
];

function transformer(batch: number, dropout: number): TrainingWork {
  const [vocabularySize, length] = [170, 57];
  const random = Random.fromSeed(1);
  const model = TinyTransformer.create(
    { vocabularySize, contextLength: length, width: 128, heads: 4, layers: 4, dropout },
    { random },
  );
  const optimiser = AdamW.create(model.variables, { clipNorm: 1 });
  const draw = () => Int32Array.from({ length: batch * length }, () => random.integer(vocabularySize));
  return work("iGPT", batch, model, optimiser, () => ({
    inputs: { data: draw(), count: batch, length },
    targets: { data: draw(), count: batch, length },
  }));
}

function vqVae(batch: number, hiddenChannels: number): TrainingWork {
  const random = Random.fromSeed(1);
  const model = VqVae.create(
    {
      network: { hiddenChannels },
      quantizer: { codebookSize: 128, codeDimension: hiddenChannels, start: "uniform" },
    },
    { random },
  );
  const optimiser = AdamW.create(model.variables, {});
  const images = (): ImageBatch => ({
    data: Uint8Array.from({ length: batch * 28 * 28 * 3 }, () => random.integer(4)),
    count: batch,
    height: 28,
    width: 28,
    channels: 3,
    maxValue: 3,
  });
  return work("VQ-VAE", batch, model, optimiser, images);
}

// biome-ignore lint/suspicious/noExplicitAny: the two models have different batches.
function work(name: string, batch: number, model: any, optimiser: AdamW, draw: () => unknown): TrainingWork {
  const random = Random.fromSeed(2);
  const given = draw();
  return {
    name,
    batch,
    async step() {
      const figures = trainingStep({ model, batch: given, optimiser, learningRate: 1e-3, random: random.fork("step") });
      const values = await figures.values.data();
      figures.values.dispose();
      return values[0]!;
    },
    dispose() {
      optimiser.dispose();
      model.dispose();
    },
  };
}
