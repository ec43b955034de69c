import { describe, expect, it } from "vitest";
import { vlmConfigSchema } from "./config.js";
import { presetNames, presets } from "./presets.js";

describe("presets", () => {
  it.each(presetNames)("%s has every field and no other", (name) => {
    expect(vlmConfigSchema.parse(presets[name])).toEqual(presets[name]);
  });

  it("original has the published system's settings", () => {
    const { data, tokenizer, transformer } = presets.original;
    expect(data).toEqual({ trainCount: 50_000, validationCount: 10_000, testCount: 10_000 });
    expect(tokenizer).toMatchObject({
      hidden: [128],
      chunks: 8,
      codeDimension: 4,
      codebookSize: 26,
      sharedCodebook: true,
    });
    expect(tokenizer).toMatchObject({ latentActivation: "relu", learningRate: 2e-4, batchSize: 128, patience: 3 });
    expect(transformer).toMatchObject({ layers: 8, heads: 8, width: 384, dropout: 0.2, batchSize: 256, steps: 5000 });
    expect(transformer).toMatchObject({ learningRate: 1e-3, finalLearningRate: 1e-4, warmUpSteps: 100, beta2: 0.99 });
    expect(transformer.checkpoints).toEqual([500, 1000, 2000, 3000, 4000, 5000]);
  });

  it.each(["smoke", "quick"] as const)("%s writes a picture with as many bits as the original", (name) => {
    const { chunks, codebookSize } = presets[name].tokenizer;
    expect([chunks, codebookSize]).toEqual([8, 26]);
  });
});
