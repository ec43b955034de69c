import { parseArgs } from "node:util";
import { useOnnx } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { loadImageFolder } from "@mmgen/datasets/node";
import { CodeUsage, reconstructionMetrics } from "@mmgen/evaluation";
import { augmentedImages, cosineSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae, vqVaePresets } from "@mmgen/vqvae";
import "@mmgen/nn/gradients";
import { formatPercent } from "./reconstruction-quality.js";

/**
 * Trains the preset `faces-64` on a folder of images, as the README of `@mmgen/vqvae` says, and measures it on another
 * folder that plays no part in the training. Prints a Markdown table, a row for each of the seeds given (default 1).
 * docs/experiments.md shows it.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: "string" },
    test: { type: "string" },
    steps: { type: "string", default: "6000" },
    batch: { type: "string", default: "8" },
    rate: { type: "string", default: "2e-3" },
  },
});
if (values.train === undefined || values.test === undefined) {
  throw new Error("Expected --train FOLDER --test FOLDER, two folders of images, and then seeds.");
}
const read = async (folder: string): Promise<ImageBatch> =>
  (await loadImageFolder({ folder, side: 64, captions: "none" })).train.images;
const [images, unseen] = [await read(values.train), await read(values.test)];
const [steps, batchSize, learningRate] = [Number(values.steps), Number(values.batch), Number(values.rate)];

await useOnnx();
console.log("| seed | dB | perplexity | codes used | minutes |");
console.log("|---|---|---|---|---|");
for (const seed of positionals.length > 0 ? positionals.map(Number) : [1]) {
  const random = Random.fromSeed(seed);
  using model = VqVae.create(vqVaePresets["faces-64"], { random: random.fork("weights") });
  const started = performance.now();
  await train({
    model,
    examples: augmentedImages(imageExamples(images), { flip: true }),
    batchSize,
    steps,
    schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps: 100 }),
    optimizer: { clipNorm: 1, weightDecay: 0, beta2: 0.99 },
    random: random.fork("training"),
  });
  const minutes = (performance.now() - started) / 60_000;
  const codes = await model.encode(unseen);
  const { peakSignalToNoiseRatio } = reconstructionMetrics(unseen, await model.decode(codes));
  const usage = new CodeUsage(model.codeLayout);
  usage.add(codes.data);
  const cells = [
    ...[`${seed}`, peakSignalToNoiseRatio.toFixed(2), usage.perplexity().toFixed(0)],
    ...[formatPercent(usage.share()), minutes.toFixed(1)],
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
