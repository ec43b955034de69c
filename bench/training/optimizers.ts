import { parseArgs } from "node:util";
import { useOnnx } from "@mmgen/backend-onnx";
import { concatCodes, type ImageBatch, mirrorImages, Random, sliceImages } from "@mmgen/core";
import { loadAvatars, loadImageFolder } from "@mmgen/datasets/node";
import { reconstructionMetrics } from "@mmgen/evaluation";
import {
  type AdamWOptions,
  augmentedImages,
  cosineSchedule,
  evaluateLoss,
  type GradientTransform,
  imageExamples,
  muon,
  train,
} from "@mmgen/training";
import { VqVae, vqVaePresets } from "@mmgen/vqvae";
import "@mmgen/nn/gradients";
import { presets } from "../../examples/latent-faces/src/config.js";
import { nextCodes } from "../../examples/latent-faces/src/data.js";
import { newTransformer } from "../../examples/latent-faces/src/generate.js";

/**
 * AdamW against Muon, each as long as the other: the preset `faces-64` on images of 64×64 pixels, and a transformer on the
 * codes of the last of these. Five hundred images are kept aside for the figures. Prints Markdown tables, a row a training;
 * docs/experiments.md shows some.
 */
const { values } = parseArgs({
  options: {
    /** A folder of images; avatars when absent. */
    images: { type: "string" },
    count: { type: "string", default: "3000" },
    seconds: { type: "string", default: "120" },
    rates: { type: "string", default: "1.5e-3,3e-3" },
    seed: { type: "string", default: "1" },
  },
});
const [count, seconds, seed] = [Number(values.count), Number(values.seconds), Number(values.seed)];
const unseenCount = 500;

const optimizers = {
  AdamW: (options: AdamWOptions) => options,
  Muon: (options: AdamWOptions) => muon(options),
} as const satisfies Record<string, (options: AdamWOptions) => AdamWOptions | GradientTransform>;
const cases = values.rates
  .split(",")
  .flatMap((rate) => Object.entries(optimizers).map(([name, make]) => ({ name, make, learningRate: Number(rate) })));

const images = await loadImages();
const [learned, unseen] = [sliceImages(images, 0, count), sliceImages(images, count, count + unseenCount)];
await useOnnx();

let codec: VqVae | undefined;
printHead("dB");
for (const { learningRate, make, name } of cases) {
  codec?.dispose();
  const random = Random.fromSeed(seed);
  const model = VqVae.create(vqVaePresets["faces-64"], { random: random.fork("weights") });
  const examples = augmentedImages(imageExamples(learned), { flip: true });
  const options = { examples, batchSize: 8, learningRate, random: random.fork("training") };
  const steps = await trainFor({ ...options, model, optimizer: make({ clipNorm: 1, weightDecay: 0, beta2: 0.99 }) });
  const decoded = await model.decode(await model.encode(unseen));
  printRow(name, learningRate, steps, reconstructionMetrics(unseen, decoded).peakSignalToNoiseRatio);
  codec = model;
}

const vqvae = codec!;
const both = concatCodes([await vqvae.encode(learned), await vqvae.encode(mirrorImages(learned))]);
const codes = nextCodes(vqvae, { codes: both });
const unseenCodes = nextCodes(vqvae, { codes: await vqvae.encode(unseen) });
const { height, width } = vqvae.codeGrid;
console.log();
printHead("nats an image");
for (const { learningRate, make, name } of cases) {
  const random = Random.fromSeed(seed);
  using model = newTransformer(vqvae, { config: { ...presets.hour, kinds: 0 }, seed }, "sequential");
  const options = { examples: codes, batchSize: 16, learningRate, random: random.fork("training") };
  const optimizer = make({ clipNorm: 1, weightDecay: 0.05, beta2: 0.99 });
  const steps = await trainFor({ ...options, model, optimizer, weightAverage: { decay: 0.995 } });
  const { loss } = await evaluateLoss({ model, examples: unseenCodes, batchSize: 50 });
  printRow(name, learningRate, steps, loss! * height * width);
}
vqvae.dispose();

/** Trains as many steps as fit into the time, by the pace of some before; gives how many these were. */
async function trainFor<Batch, Aux>({
  learningRate,
  ...options
}: Omit<Parameters<typeof train<Batch, Aux>>[0], "schedule" | "steps"> & { readonly learningRate: number }) {
  const paceSteps = 40;
  let started = 0;
  const { parameters, buffers } = options.model;
  const variables = [...parameters.values(), ...buffers.values()];
  const kept = variables.map((variable) => variable.clone());
  const onStep = ({ step }: { readonly step: number }) => {
    started = step === paceSteps / 2 ? performance.now() : started;
  };
  const pace = cosineSchedule({ learningRate, totalSteps: paceSteps, warmUpSteps: paceSteps / 2 });
  await train({ ...options, steps: paceSteps, schedule: pace, observers: [{ onStep }] });
  const secondsOfStep = (performance.now() - started) / 1000 / (paceSteps / 2);
  for (const [i, variable] of variables.entries()) {
    variable.assign(kept[i]!);
    kept[i]!.dispose();
  }
  const steps = Math.round(seconds / secondsOfStep);
  const warmUpSteps = Math.min(100, steps >> 2);
  await train({ ...options, steps, schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps }) });
  return steps;
}

async function loadImages(): Promise<ImageBatch> {
  const total = count + unseenCount;
  if (values.images === undefined) {
    return (await loadAvatars({ trainCount: total, testCount: 0, side: 64, seed })).train.images;
  }
  const { images: all } = (await loadImageFolder({ folder: values.images, side: 64, captions: "none" })).train;
  if (all.count < total) {
    throw new Error(`Expected ${total} images in ${values.images}, got ${all.count}. Name a smaller --count.`);
  }
  return all;
}

function printHead(figure: string): void {
  console.log(`| optimizer | learning rate | steps | ${figure} |\n|---|---|---|---|`);
}

function printRow(name: string, learningRate: number, steps: number, figure: number): void {
  console.log(`| ${name} | ${learningRate} | ${steps} | ${figure.toFixed(2)} |`);
}
