import { type ImageBatch, Random } from "@mmgen/core";
import { CodeUsage, reconstructionMetrics } from "@mmgen/evaluation";
import { cosineSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";

/** How every model of a comparison is trained. */
export interface TrainingPlan {
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** What a model makes of images it has not seen. */
export interface Quality {
  readonly bits: number;
  readonly meanSquaredError: number;
  readonly exact: number;
  readonly perplexity: number;
  readonly used: number;
  /** Seconds of training. */
  readonly seconds: number;
}

/** Trains a model on some images and measures it on others. */
export async function tokenizerQuality(
  options: VqVaeOptions,
  images: { readonly train: ImageBatch; readonly unseen: ImageBatch },
  { steps, batchSize, learningRate }: TrainingPlan,
  seed: number,
): Promise<Quality> {
  const random = Random.fromSeed(seed);
  const model = VqVae.create(options, { random: random.fork("weights") });
  const began = performance.now();
  await train({
    model,
    examples: imageExamples(images.train),
    batchSize,
    steps,
    schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps: 50 }),
    optimizer: { clipNorm: 1 },
    random: random.fork("training"),
  });
  const seconds = (performance.now() - began) / 1000;
  const codes = await model.encode(images.unseen);
  const figures = reconstructionMetrics(images.unseen, await model.decode(codes));
  const usage = new CodeUsage(model.codeLayout);
  usage.add(codes.data);
  const { height, width } = model.codeGrid;
  model.dispose();
  return {
    bits: height * width * Math.log2(model.codebookSize),
    meanSquaredError: figures.meanSquaredError,
    exact: figures.exactLevelAccuracy,
    perplexity: usage.perplexity(),
    used: usage.share(),
    seconds,
  };
}

/** The mean of each figure over several runs. */
export function meanQuality(runs: readonly Quality[]): Quality {
  const mean = (name: keyof Quality) => runs.reduce((sum, run) => sum + run[name], 0) / runs.length;
  return {
    bits: mean("bits"),
    meanSquaredError: mean("meanSquaredError"),
    exact: mean("exact"),
    perplexity: mean("perplexity"),
    used: mean("used"),
    seconds: mean("seconds"),
  };
}

/** 0.934 as "93.4 %". */
export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
