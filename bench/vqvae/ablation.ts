import { parseArgs } from "node:util";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { loadCaptionedDigits } from "@mmgen/datasets/node";
import type { VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { formatPercent, meanQuality, type Quality, trainAndMeasure } from "./reconstruction-quality.js";

/**
 * Trains the VQ-VAE of the colored-mnist write-up and, row by row, one change more: 64 channels, 7×7 codes. The first
 * row has the write-up's model and loss, trained as the other rows are; the second adds k-means start and the revival of
 * dead codes; every later row is the one above with one thing changed.
 *
 * Prints a Markdown table of means over the seeds given (default 1), measured on the validation images or, with `--test`,
 * on the test images. docs/experiments.md shows it.
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
const gradient = { ...quantizer, codebook: "gradient" } as const;
const uniformStart = { ...gradient, start: "uniform", deadCodeThreshold: 0 } as const;
const withAttention = { ...network, attentionHeads: 2 };

const rows: Readonly<Record<string, VqVaeOptions>> = {
  "model and loss of the write-up, K 128": { network, quantizer: uniformStart },
  "k-means start and revival of dead codes": { network, quantizer: gradient },
  "EMA codebook": { network, quantizer },
  "categorical head": { network, quantizer, head: "categorical" },
  "self-attention": { network: withAttention, quantizer, head: "categorical" },
  "K 1024": { network: withAttention, quantizer: { ...quantizer, codebookSize: 1024 }, head: "categorical" },
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
    runs.push(await trainAndMeasure(options, { train: data.train.images, unseen: unseen.images }, plan, seed));
  }
  const { meanSquaredError, exact, perplexity, used, seconds } = meanQuality(runs);
  const cells = [name, meanSquaredError.toFixed(4), formatPercent(exact), perplexity.toFixed(0), formatPercent(used)];
  console.log(`| ${[...cells, (seconds / 60).toFixed(1)].join(" | ")} |`);
}
