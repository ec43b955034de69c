import type { TrainingHistory } from "@mmgen/training";
import { describe, expect, it } from "vitest";
import { presets } from "./config.js";
import { writeLineImages } from "./plots.js";
import { metricsTable, type RunMetrics } from "./report.js";

const lines = {
  accuracies: [{ step: 8, correct: 9, count: 10 }],
  classification: { count: 10, correct: 9, confusion: Array.from({ length: 10 }, () => new Array<number>(10).fill(1)) },
  mistakes: [],
  sampledClassification: { correct: 8, count: 10 },
  likelihood: {
    natsPerCharacter: 1,
    natsPerLine: { drawing: 1, classification: 1 },
    natsAsPublished: 1,
    natsPerLetter: 1,
  },
};

const transformer: TrainingHistory = {
  steps: [1, 2].map((step) => ({
    ...{ step, epoch: 1, loss: 1, gradientNorm: 1, learningRate: 1e-3, metrics: {}, seconds: 1 },
  })),
  epochs: [0, 2].map((step) => ({ epoch: step / 2, step, metrics: { drawing: 1, classification: 1 }, seconds: 1 })),
};

const metricsOf = (source: string): RunMetrics => ({
  settings: { preset: "smoke", config: presets.smoke, data: "auto", seed: 1 },
  source,
  backend: "onnx",
  evaluatedOn: "test images",
  resumed: false,
  ...lines,
  imageMetrics: {
    vqvae: {
      meanSquaredError: 0.02,
      exactLevelAccuracy: 0.5,
      peakSignalToNoiseRatio: 30,
      perplexity: 20,
      codesUsed: 1,
    },
    classifier: { onTestImages: 0.98, onReconstructions: 0.9 },
    drawn: { count: 10, correct: 9, byDigit: new Array<number>(10).fill(1) },
  },
  seconds: {},
  histories: { transformer },
});

const mnist = "MNIST (60000 + 10000) from /data/mnist: 50000 to train, 10000 to validate, 10000 to test";
const others = [
  "Procedural digits: 512 to train, 128 to test, seed 1",
  "Procedural digits, as there is no MNIST (no network): 512 to train, 128 to test, seed 1",
  "Lines of /data/MNIST (train).txt: 50000 to train, 10000 to validate",
];

/** The SVG of the accuracies by checkpoint. */
async function chartOf(source: string): Promise<string> {
  const written = new Map<string, string>();
  const write = async (name: string, svg: string) => {
    written.set(name, svg);
    return new Uint8Array();
  };
  await writeLineImages(write, { ...metricsOf(source), metrics: lines });
  return written.get("prediction_accuracy")!;
}

describe("published metrics", () => {
  it("stand beside those of MNIST", async () => {
    const { columns, rows } = metricsTable(metricsOf(mnist));
    expect(columns).toEqual(["metric", "here", "published"]);
    expect(rows.map((row) => row[2]).filter((published) => published !== "–")).toEqual(["0.932", "0.0227"]);
    expect(await chartOf(mnist)).toContain("published, 0.932");
  });

  it.each(others)("do not stand beside those of other data: %s", async (source) => {
    const { columns, rows } = metricsTable(metricsOf(source));
    expect(columns).toEqual(["metric", "here"]);
    expect(rows.flat().join(" ")).not.toMatch(/0\.932|0\.0227/);
    expect(await chartOf(source)).not.toMatch(/0\.932/);
  });
});
