import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random, sliceImages } from "@mmgen/core";
import { loadCaptionedDigits } from "@mmgen/datasets/node";
import { AdamW, cosineSchedule, imageExamples, train } from "@mmgen/training";
import { trainingStep } from "@mmgen/training/training-step";
import { CodeUsage, type QuantizerOptions, reconstructionFigures, VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";

/**
 * What quantizers make of the same network, pictures and steps, at 8 bits a place of the 7×7 grid or nearly so: prints a
 * Markdown table of means over the seeds given (default 1). Figures are of validation pictures; no test picture is seen.
 * The table is in the README.
 */
const seeds = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1];
const [trainCount, validationCount, steps, batchSize] = [20_000, 2_000, 600, 64];
const network = { hiddenChannels: 32, stages: 2, residualBlocks: 1 };
const vector = { type: "vector", codebookSize: 256, codeDimension: 16 } as const;
const product = { type: "product", chunks: 2, codebookSize: 16, codeDimension: 8 } as const;

const quantizers: Readonly<Record<string, QuantizerOptions>> = {
  "`vector`": vector,
  "`vector`, gradient codebook": { ...vector, codebook: "gradient" },
  "`vector`, gradient codebook, uniform start, no revival": {
    ...vector,
    codebook: "gradient",
    start: "uniform",
    deadCodeThreshold: 0,
  },
  "`vector`, rotation": { ...vector, gradientEstimator: "rotation" },
  "`vector`, cosine": { ...vector, distance: "cosine" },
  "`product`, 2 chunks": product,
  "`product`, 2 chunks, shared": { ...product, sharedCodebook: true },
  "`residual`, 2 stages": { type: "residual", stages: 2, codebookSize: 16, codeDimension: 16 },
  "`fsq`, levels 8, 6, 5": { type: "fsq", levels: [8, 6, 5] },
  "`lfq`, 8 bits": { type: "lfq", bits: 8 },
};

/** What a model makes of the validation pictures. */
interface Quality {
  readonly bits: number;
  readonly meanSquaredError: number;
  readonly exact: number;
  readonly perplexity: number;
  readonly used: number;
}

/** Pictures a second. */
interface Speed {
  readonly trained: number;
  readonly encoded: number;
}

registerOnnxBackend();
await tf.setBackend("onnx");
const data = await loadCaptionedDigits({ seed: 1, trainCount, validationCount });
console.log(data.source);
console.log(`${trainCount} pictures, ${steps} steps of ${batchSize}, seeds ${seeds.join(", ")}.\n`);
const speeds = await speedsInTurn();
console.log("| quantizer | bits a picture | MSE | exact levels | perplexity | codes used | trained/s | encoded/s |");
console.log("|---|---|---|---|---|---|---|---|");
for (const [name, quantizer] of Object.entries(quantizers)) {
  const runs: Quality[] = [];
  for (const seed of seeds) {
    runs.push(await quality(quantizer, seed));
  }
  const mean = (of: (run: Quality) => number) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const { trained, encoded } = speeds.get(name)!;
  const cells = [
    name,
    mean((run) => run.bits).toFixed(0),
    mean((run) => run.meanSquaredError).toFixed(4),
    percent(mean((run) => run.exact)),
    mean((run) => run.perplexity).toFixed(0),
    percent(mean((run) => run.used)),
    trained.toFixed(0),
    encoded.toFixed(0),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

function create(quantizer: QuantizerOptions, random: Random): VqVae {
  return VqVae.create({ head: "categorical", network, quantizer }, { random });
}

/** Trains a model and measures it on the validation pictures. */
async function quality(quantizer: QuantizerOptions, seed: number): Promise<Quality> {
  const random = Random.fromSeed(seed);
  const model = create(quantizer, random.fork("weights"));
  await train({
    model,
    examples: imageExamples(data.train.images),
    batchSize,
    steps,
    schedule: cosineSchedule({ learningRate: 2e-3, totalSteps: steps, warmUpSteps: 50 }),
    optimiser: { clipNorm: 1 },
    random: random.fork("training"),
  });
  const { images } = data.validation;
  const codes = await model.encode(images);
  const figures = reconstructionFigures(images, await model.decode(codes));
  const usage = new CodeUsage(model.codebookSize);
  usage.add(codes.data);
  const { height, width } = model.codeGrid;
  model.dispose();
  return {
    bits: height * width * Math.log2(usage.counts.length),
    meanSquaredError: figures.meanSquaredError,
    exact: figures.exactLevelAccuracy,
    perplexity: usage.perplexity(),
    used: usage.share(),
  };
}

/** The quickest of some rounds in which all take turns: on a machine that does other work too, what compares. */
async function speedsInTurn(): Promise<ReadonlyMap<string, Speed>> {
  const [rounds, stepsARound] = [8, 8];
  const batch = sliceImages(data.train.images, 0, batchSize);
  const pictures = sliceImages(data.train.images, 0, 1024);
  const best = new Map<string, Speed>();
  const subjects = Object.entries(quantizers).map(([name, quantizer]) => {
    const model = create(quantizer, Random.fromSeed(1));
    return { name, model, optimiser: AdamW.create(model.variables) };
  });
  // The first round compiles.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, model, optimiser } of subjects) {
      const began = performance.now();
      for (let step = 0; step < stepsARound; step++) {
        const random = Random.fromSeed(step);
        const { values } = trainingStep({ model, batch, optimiser, learningRate: 1e-4, random });
        await values.data();
        values.dispose();
      }
      const between = performance.now();
      await model.encode(pictures);
      const ended = performance.now();
      const trained = (1000 * stepsARound * batchSize) / (between - began);
      const encoded = (1000 * pictures.count) / (ended - between);
      const past = round === 0 ? undefined : best.get(name);
      best.set(name, {
        trained: Math.max(trained, past?.trained ?? 0),
        encoded: Math.max(encoded, past?.encoded ?? 0),
      });
    }
  }
  for (const { model, optimiser } of subjects) {
    model.dispose();
    optimiser.dispose();
  }
  return best;
}
