import { describe, expect, it } from "vitest";
import { vlmConfigSchema } from "./config.js";
import { presetNames, presets } from "./presets.js";

describe("presets", () => {
  it.each(presetNames)("%s has every field and no other", (name) => {
    expect(vlmConfigSchema.parse(presets[name])).toEqual(presets[name]);
  });

  it("original has the published system's sizes and schedule", () => {
    expect(presets.original).toEqual({
      data: { trainCount: 50_000, validationCount: 10_000, testCount: 10_000 },
      tokenizer: {
        hidden: [128],
        latentActivation: "relu",
        chunks: 8,
        codebookSize: 26,
        codeDimension: 4,
        sharedCodebook: true,
        codebook: "gradient",
        commitmentWeight: 0.25,
        deadCodeThreshold: 0,
        epochs: 50,
        patience: 3,
        batchSize: 128,
        learningRate: 2e-4,
        finalLearningRate: 2e-4,
        warmUpSteps: 0,
        weightDecay: 0,
        // So great that nothing is clipped.
        clipNorm: 1e6,
      },
      transformer: {
        width: 384,
        heads: 8,
        layers: 8,
        dropout: 0.2,
        tiedWeights: true,
        bias: false,
        steps: 5000,
        beta2: 0.99,
        batchSize: 256,
        learningRate: 1e-3,
        finalLearningRate: 1e-4,
        warmUpSteps: 100,
        weightDecay: 0.1,
        clipNorm: 1,
        digitWeight: 1,
        promptWeight: 1,
        task: "once",
        checkpoints: [500, 1000, 2000, 3000, 4000, 5000],
      },
      sampling: { temperature: 0.8, topP: 1 },
      // How much is measured is this example's own choice.
      evaluation: { drawnPerDigit: 100, shownPerDigit: 20, classifierSteps: 800, embedded: 2000 },
    });
  });

  it.each(["smoke", "quick"] as const)("%s writes an image with as many bits as the original", (name) => {
    const { chunks, codebookSize } = presets[name].tokenizer;
    expect([chunks, codebookSize]).toEqual([8, 26]);
  });
});
