import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random, sliceImages } from "@mmgen/core";
import { loadCaptionedDigits } from "@mmgen/datasets/node";
import { adamW, Optimizer } from "@mmgen/training";

import { type QuantizerOptions, VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { trainingStep } from "../../packages/training/src/loop/training-step.js";
import { formatPercent, meanQuality, type Quality, trainAndMeasure } from "./reconstruction-quality.js";
import { formatSpread } from "./spread.js";

/**
 * Compares the quantizers on one network, one set of images and one number of steps, at about 8 bits per position of the
 * 7×7 grid. Prints a Markdown table of means over the seeds given (default 1), exact levels with their standard
 * deviation, measured on validation images. docs/experiments.md shows it.
 */
const seeds = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1];
const [trainCount, validationCount, steps, batchSize] = [20_000, 2_000, 600, 64];
const plan = { steps, batchSize, learningRate: 2e-3 };
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

/** Images per second. */
interface Speed {
  readonly trained: number;
  readonly encoded: number;
}

registerOnnxBackend();
await tf.setBackend("onnx");
const data = await loadCaptionedDigits({ seed: 1, trainCount, validationCount });
const images = { train: data.train.images, unseen: data.validation.images };
console.log(data.source);
console.log(`${trainCount} images, ${steps} steps of ${batchSize}, seeds ${seeds.join(", ")}.\n`);
const speeds = await measureSpeeds();
console.log("| quantizer | bits per image | MSE | exact levels | perplexity | codes used | trained/s | encoded/s |");
console.log("|---|---|---|---|---|---|---|---|");
for (const [name, quantizer] of Object.entries(quantizers)) {
  const runs: Quality[] = [];
  for (const seed of seeds) {
    runs.push(await trainAndMeasure(optionsOf(quantizer), images, plan, seed));
  }
  const { bits, meanSquaredError, exact, perplexity, used } = meanQuality(runs);
  const { trained, encoded } = speeds.get(name)!;
  const cells = [
    name,
    bits.toFixed(0),
    meanSquaredError.toFixed(4),
    `${formatPercent(exact)}${formatSpread(
      runs.map((run) => 100 * run.exact),
      1,
    )}`,
    perplexity.toFixed(0),
    formatPercent(used),
    trained.toFixed(0),
    encoded.toFixed(0),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

function optionsOf(quantizer: QuantizerOptions): VqVaeOptions {
  return { head: "categorical", network, quantizer };
}

/** The fastest of several rounds in which the quantizers take turns, so that other load on the machine hits all alike. */
async function measureSpeeds(): Promise<ReadonlyMap<string, Speed>> {
  const [rounds, stepsPerRound] = [8, 8];
  const batch = sliceImages(data.train.images, 0, batchSize);
  const images = sliceImages(data.train.images, 0, 1024);
  const best = new Map<string, Speed>();
  const candidates = Object.entries(quantizers).map(([name, quantizer]) => {
    const model = VqVae.create(optionsOf(quantizer), { random: Random.fromSeed(1) });
    return { name, model, optimizer: Optimizer.create(model.parameters, adamW()) };
  });
  // The first round compiles.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, model, optimizer } of candidates) {
      const started = performance.now();
      for (let step = 0; step < stepsPerRound; step++) {
        const random = Random.fromSeed(step);
        const { values } = trainingStep({ model, batch, optimizer, learningRate: 1e-4, random });
        await values.data();
        values.dispose();
      }
      const between = performance.now();
      await model.encode(images);
      const ended = performance.now();
      const trained = (1000 * stepsPerRound * batchSize) / (between - started);
      const encoded = (1000 * images.count) / (ended - between);
      const previous = round === 0 ? undefined : best.get(name);
      best.set(name, {
        trained: Math.max(trained, previous?.trained ?? 0),
        encoded: Math.max(encoded, previous?.encoded ?? 0),
      });
    }
  }
  for (const { model, optimizer } of candidates) {
    model.dispose();
    optimizer.dispose();
  }
  return best;
}
