import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, readSafetensors } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { memoryStore, tinyTraining } from "../model/tiny-training.fixture.js";
import { trainingFiles } from "../model/train-options.js";
import { checkEarlyStopping, transformerMetrics, vqVaeMetrics } from "./evaluation-metrics.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** No later evaluation is that much better than the first: a stage ends after its first epoch of five. */
const soon = {
  training: { steps: undefined, epochs: 5, earlyStopping: { patience: 1, minImprovement: 1e6 } },
};

describe("early stopping without a metric", () => {
  it.each<[keyof typeof transformerMetrics, object]>([
    ["autoregressive", {}],
    ["diffusion", { family: "diffusion" }],
    ["chain", { family: "diffusion", diffusion: { kernel: { type: "chain" } } }],
  ])("watches the held-out loss of each stage: %s", async (kind, family) => {
    const checkpoints = memoryStore();
    using model = await MultimodalModel.train({
      ...{ ...tinyTraining, ...family, checkpoints },
      vqvae: { ...tinyTraining.vqvae, ...soon },
      transformer: { ...tinyTraining.transformer, ...soon },
    });
    const metricsOf = { vqvae: vqVaeMetrics, transformer: transformerMetrics[kind] };
    for (const stage of ["vqvae", "transformer"] as const) {
      const { epochs } = model.history![stage];
      expect(
        epochs.map(({ epoch }) => epoch),
        stage,
      ).toEqual([0, 1]);
      expect(Object.keys(epochs[0]!.metrics).sort()).toEqual([...metricsOf[stage]].sort());
      const { metadata } = readSafetensors(checkpoints.files.get(trainingFiles[stage])!);
      if (kind === "chain" && stage === "transformer") {
        expect(epochs[1]!.metrics.natsPerId).toBe(epochs[1]!.metrics.loss);
      }
      expect(JSON.parse(metadata.run!).settings.earlyStopping.metric).toBe(metricsOf[stage][0]);
    }
  });
});

describe("checkEarlyStopping", () => {
  const settings = (metric?: string) => ({ batchSize: 1, learningRate: 1, earlyStopping: { patience: 1, metric } });

  it("takes the stage's metrics alone, and names them", () => {
    checkEarlyStopping(settings(), "training", vqVaeMetrics);
    checkEarlyStopping(settings("codesUsed"), "training", vqVaeMetrics);
    checkEarlyStopping({ batchSize: 1, learningRate: 1 }, "training", undefined);
    for (const [metric, metrics, message] of [
      ["loss", vqVaeMetrics, /^training\.earlyStopping\.metric: expected "heldOutLoss", .* or "codesUsed", got "loss"/],
      ["natsPerID", transformerMetrics.diffusion, /did you mean "natsPerId"/],
      [undefined, undefined, /^training\.earlyStopping: needs heldOut/],
    ] as const) {
      const check = () => checkEarlyStopping(settings(metric), "training", metrics);
      expect(check).toThrow(ConfigError);
      expect(check).toThrow(message);
    }
  });
});
