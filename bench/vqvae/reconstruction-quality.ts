import { type ImageBatch, Random } from "@mmgen/core";
import { CodeUsage, reconstructionMetrics } from "@mmgen/evaluation";
import { cosineSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";

/** Training of every model of a comparison. */
export interface TrainingPlan {
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** Metrics of a model on images it was not trained on. */
export interface Quality {
  /** log2 of the number of different code grids of an image. */
  readonly bits: number;
  readonly meanSquaredError: number;
  /** Share of pixel channels whose level came back exactly. */
  readonly exact: number;
  readonly perplexity: number;
  /** Share of the codebook rows in use. */
  readonly used: number;
  /** Seconds of training. */
  readonly seconds: number;
}

/** Trains a model on some images and measures it on others. */
export async function trainAndMeasure(
  options: VqVaeOptions,
  images: { readonly train: ImageBatch; readonly unseen: ImageBatch },
  { steps, batchSize, learningRate }: TrainingPlan,
  seed: number,
): Promise<Quality> {
  const random = Random.fromSeed(seed);
  const model = VqVae.create(options, { random: random.fork("weights") });
  const started = performance.now();
  await train({
    model,
    examples: imageExamples(images.train),
    batchSize,
    steps,
    schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps: 50 }),
    optimizer: { clipNorm: 1 },
    random: random.fork("training"),
  });
  const seconds = (performance.now() - started) / 1000;
  const codes = await model.encode(images.unseen);
  const metrics = reconstructionMetrics(images.unseen, await model.decode(codes));
  const usage = new CodeUsage(model.codeLayout);
  usage.add(codes.data);
  const { height, width } = model.codeGrid;
  model.dispose();
  return {
    bits: height * width * Math.log2(model.codebookSize),
    meanSquaredError: metrics.meanSquaredError,
    exact: metrics.exactLevelAccuracy,
    perplexity: usage.perplexity(),
    used: usage.share(),
    seconds,
  };
}

/** The mean of each metric over several runs. */
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
export const formatPercent = (share: number) => `${(100 * share).toFixed(1)} %`;
