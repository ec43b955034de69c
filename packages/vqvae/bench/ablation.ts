import { parseArgs } from "node:util";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { loadCaptionedDigits } from "@mmgen/datasets/node";
import type { VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { meanQuality, percent, type Quality, tokenizerQuality } from "./tokenizer-quality.js";

/**
 * What each change over original A's tokenizer buys, at 64 channels and 7×7 codes. The first row is its model and loss,
 * trained as the others are; the second adds k-means start and revival; each after it is the one above with one thing
 * changed. Prints a Markdown table of means over the seeds given (default 1), on training images kept aside, or with
 * `--test` on the test images.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { test: { type: "boolean", default: false }, epochs: { type: "string", default: "2" } },
});
const seeds = positionals.length > 0 ? positionals.map(Number) : [1];
const [trainCount, validationCount, batchSize] = [50_000, 10_000, 128];
const plan = { steps: Number(values.epochs) * Math.floor(trainCount / batchSize), batchSize, learningRate: 1e-3 };

const network = { hiddenChannels: 64, stages: 2, residualBlocks: 2 };
const quantizer = { type: "vector", codebookSize: 128, codeDimension: 64 } as const;
const learned = { ...quantizer, codebook: "gradient" } as const;
const started = { ...learned, start: "uniform", deadCodeThreshold: 0 } as const;
const attentive = { ...network, attentionHeads: 2 };

const rows: Readonly<Record<string, VqVaeOptions>> = {
  "original A's model and loss, K 128": { network, quantizer: started },
  "k-means start and revival of dead codes": { network, quantizer: learned },
  "codebook by running means": { network, quantizer },
  "categorical head": { network, quantizer, head: "categorical" },
  "self-attention": { network: attentive, quantizer, head: "categorical" },
  "K 1024": { network: attentive, quantizer: { ...quantizer, codebookSize: 1024 }, head: "categorical" },
};

registerOnnxBackend();
await tf.setBackend("onnx");
const data = await loadCaptionedDigits({ seed: 1, trainCount, validationCount });
const unseen = values.test ? data.test : data.validation;
console.log(`${data.source}; measured on ${values.test ? "test" : "validation"} images`);
console.log(`${values.epochs} epochs of ${batchSize} a step, seeds ${seeds.join(", ")}.\n`);
console.log("| change | MSE | exact levels | perplexity | codes used | minutes |");
console.log("|---|---|---|---|---|---|");
for (const [name, options] of Object.entries(rows)) {
  const runs: Quality[] = [];
  for (const seed of seeds) {
    runs.push(await tokenizerQuality(options, { train: data.train.images, unseen: unseen.images }, plan, seed));
  }
  const { meanSquaredError, exact, perplexity, used, seconds } = meanQuality(runs);
  const cells = [name, meanSquaredError.toFixed(4), percent(exact), perplexity.toFixed(0), percent(used)];
  console.log(`| ${[...cells, (seconds / 60).toFixed(1)].join(" | ")} |`);
}
