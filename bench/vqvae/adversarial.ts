import { parseArgs } from "node:util";
import { useOnnx } from "@mmgen/backend-onnx";
import { type ImageBatch, Random, sliceImages } from "@mmgen/core";
import { loadCaptionedDigits, loadImageFolder } from "@mmgen/datasets/node";
import { CodeUsage, reconstructionMetrics } from "@mmgen/evaluation";
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { augmentedImages, constantSchedule, cosineSchedule, imageExamples, train } from "@mmgen/training";
import { type AdversarialOptions, AdversarialVqVae, VqVae, type VqVaeOptions, vqVaePresets } from "@mmgen/vqvae";
import "@mmgen/nn/gradients";

/**
 * Trains the preset `faces-64` with, row by row, one loss more: squared error; + L1; + feature matching; + the adversarial
 * term with a constant weight; the same with the adaptive one. Every row has the same seeds, steps and batches.
 *
 * Prints a Markdown table of means over the seeds given (default 1) on images that play no part in the training: dB;
 * `contrast`, the mean difference of neighboring pixels as a share of the originals', which falls as images blur;
 * perplexity; milliseconds a step; and what the last step's λ was. `--out FILE.png` shows eight originals and each row's reconstructions.
 *
 * `--train FOLDER --test FOLDER`: images; procedural digits on colors when absent. `--rows 0,1,4`: some of the rows.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: "string" },
    test: { type: "string" },
    steps: { type: "string", default: "6000" },
    start: { type: "string" },
    batch: { type: "string", default: "8" },
    rate: { type: "string", default: "2e-3" },
    "adversary-rate": { type: "string", default: "5e-4" },
    rows: { type: "string", default: "0,1,2,3,4" },
    out: { type: "string" },
  },
});
const seeds = positionals.length > 0 ? positionals.map(Number) : [1];
const [steps, batchSize, learningRate] = [Number(values.steps), Number(values.batch), Number(values.rate)];
const startStep = Number(values.start ?? Math.round(steps / 3));

/** A row of the table: the losses of the reconstruction, and those that need a discriminator. */
interface Row {
  readonly name: string;
  readonly reconstruction?: VqVaeOptions["reconstruction"];
  readonly adversarial?: AdversarialOptions;
}

const mixed = { l1: 0.5, squared: 0.5 };
const perceptual = { weight: 0.5 };
const schedule = { startStep, rampSteps: Math.round(steps / 6) };
const constant = (weight: number) => ({ type: "constant", weight }) as const;
const rows: readonly Row[] = [
  { name: "squared error" },
  { name: "+ L1", reconstruction: mixed },
  { name: "+ feature matching", reconstruction: mixed, adversarial: { perceptual, weighting: constant(0) } },
  { name: "+ adversarial, constant", reconstruction: mixed, adversarial: { perceptual, weighting: constant(0.05) } },
  { name: "+ adversarial, adaptive", reconstruction: mixed, adversarial: { perceptual } },
];

await useOnnx();
const data = await readImages();
const shown = sliceImages(data.unseen, 0, 8);
const grids = [shown];
console.log("| loss | dB | contrast | perplexity | ms a step | λ |");
console.log("|---|---|---|---|---|---|");
for (const row of values.rows.split(",").map((index) => rows[Number(index)]!)) {
  const runs: (readonly number[])[] = [];
  for (const seed of seeds) {
    const { measures, reconstructions } = await trainRow(row, seed);
    runs.push(measures);
    if (seed === seeds[0]) {
      grids.push(reconstructions);
    }
  }
  const means = runs[0]!.map((_, i) => runs.reduce((sum, run) => sum + run[i]!, 0) / runs.length);
  const [db, contrast, perplexity, milliseconds, weight] = means as [number, number, number, number, number];
  const cells = [row.name, db.toFixed(2), contrast.toFixed(3), perplexity.toFixed(0), milliseconds.toFixed(0)];
  console.log(`| ${[...cells, weight.toPrecision(2)].join(" | ")} |`);
}
if (values.out !== undefined) {
  const all = { ...shown, count: 8 * grids.length, data: Buffer.concat(grids.map(({ data }) => data)) };
  await writePng(values.out, imageGrid({ images: all, columns: 8 }));
}

async function trainRow({ adversarial, reconstruction }: Row, seed: number) {
  const random = Random.fromSeed(seed);
  const options = { ...vqVaePresets["faces-64"], ...(reconstruction && { reconstruction }) };
  using vqVae = VqVae.create(options, { random: random.fork("weights") });
  const common = {
    examples: augmentedImages(imageExamples(data.images), { flip: true }),
    ...{ batchSize, steps, random: random.fork("training") },
    schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps: Math.min(100, Math.floor(steps / 10)) }),
    optimizer: { clipNorm: 1, weightDecay: 0, beta2: 0.99 },
  };
  const started = performance.now();
  let weight = 0;
  if (adversarial === undefined) {
    await train({ model: vqVae, ...common });
  } else {
    const parts = { random: random.fork("adversary") };
    using model = AdversarialVqVae.create(vqVae, { ...schedule, ...adversarial }, parts);
    const adversary = {
      optimizer: { beta1: 0.5, beta2: 0.9, weightDecay: 0 },
      schedule: constantSchedule(Number(values["adversary-rate"])),
    };
    const { history } = await train({ model, ...common, adversary });
    weight = history.steps.at(-1)!.metrics.adversarialWeight!;
  }
  const milliseconds = (performance.now() - started) / steps;
  const codes = await vqVae.encode(data.unseen);
  const reconstructed = await vqVae.decode(codes);
  const { peakSignalToNoiseRatio } = reconstructionMetrics(data.unseen, reconstructed);
  const usage = new CodeUsage(vqVae.codeLayout);
  usage.add(codes.data);
  const contrast = contrastOf(reconstructed) / contrastOf(data.unseen);
  return {
    measures: [peakSignalToNoiseRatio, contrast, usage.perplexity(), milliseconds, weight],
    reconstructions: sliceImages(reconstructed, 0, 8),
  };
}

async function readImages(): Promise<{ readonly images: ImageBatch; readonly unseen: ImageBatch }> {
  if (values.train !== undefined && values.test !== undefined) {
    const read = async (folder: string) => (await loadImageFolder({ folder, side: 64, captions: "none" })).train.images;
    return { images: await read(values.train), unseen: await read(values.test) };
  }
  const { train, test } = await loadCaptionedDigits({
    source: "procedural",
    seed: 1,
    trainCount: 5000,
    testCount: 500,
  });
  return { images: enlarged(train.images), unseen: enlarged(test.images) };
}

/** 28×28 pixels of four levels as 64×64 of 256: each pixel twice in both directions, those at the edge more often. */
function enlarged({ count, channels, data, height, maxValue, width }: ImageBatch): ImageBatch {
  const side = 64;
  const source = (place: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor((place - 4) / 2)));
  const pixels = new Uint8Array(count * side * side * channels);
  for (let i = 0; i < pixels.length; i++) {
    const [channel, pixel] = [i % channels, Math.floor(i / channels)];
    const [column, row, image] = [pixel % side, Math.floor(pixel / side) % side, Math.floor(pixel / side ** 2)];
    const at = (image * height + source(row, height)) * width + source(column, width);
    pixels[i] = (data[at * channels + channel]! * 255) / maxValue;
  }
  return { data: pixels, count, height: side, width: side, channels, maxValue: 255 };
}

/** Mean absolute difference of neighbors in a row, in levels. */
function contrastOf({ channels, data, width }: ImageBatch): number {
  let sum = 0;
  let count = 0;
  for (let i = channels; i < data.length; i++) {
    if (Math.floor(i / channels) % width > 0) {
      sum += Math.abs(data[i]! - data[i - channels]!);
      count++;
    }
  }
  return sum / count;
}
