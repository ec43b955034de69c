import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { resolveConfig, vqVaePresets } from "./vq-vae-config.js";

describe("presets", () => {
  it("original-a is the network and codebook of the first original", () => {
    expect(resolveConfig(vqVaePresets["original-a"])).toEqual({
      imageSide: 28,
      channels: 3,
      maxValue: 3,
      composition: { type: "whole" },
      network: {
        type: "convolutional",
        hiddenChannels: 256,
        stages: 2,
        residualBlocks: 2,
        attentionHeads: 0,
        normalization: "batch",
      },
      quantizer: expect.objectContaining({
        type: "vector",
        codebookSize: 128,
        codeDimension: 256,
        codebook: "gradient",
        start: "uniform",
        commitmentWeight: 0.25,
        deadCodeThreshold: 0,
      }),
      head: "regression",
    });
  });

  it("original-d is eight letters of 26 for a gray image", () => {
    expect(resolveConfig(vqVaePresets["original-d"])).toEqual({
      imageSide: 28,
      channels: 1,
      maxValue: 255,
      composition: { type: "whole" },
      network: { type: "dense", hidden: [128], latentVectors: 1, latentActivation: "relu" },
      quantizer: expect.objectContaining({
        type: "product",
        chunks: 8,
        codeDimension: 4,
        codebookSize: 26,
        sharedCodebook: true,
        codebook: "gradient",
        start: "k-means",
        commitmentWeight: 0.25,
        deadCodeThreshold: 0,
      }),
      head: "sigmoid",
    });
  });

  it("are complete when spread: a resolved configuration resolves to itself", () => {
    for (const preset of Object.values(vqVaePresets)) {
      const config = resolveConfig(preset);
      expect(resolveConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    }
  });
});

describe("a type's fields", () => {
  it("are only its own", () => {
    const dense = { type: "dense", stages: 2 } as never;
    expect(() => resolveConfig({ network: dense })).toThrow(ConfigError);
    expect(() => resolveConfig({ network: dense })).toThrow(
      'network.stages: "dense" has no such field. It has type, hidden, latentVectors, latentActivation.',
    );
    expect(() => resolveConfig({ network: { hidden: [3] } as never })).toThrow('"convolutional" has no such field');
    expect(() => resolveConfig({ network: { type: "round" } as never })).toThrow('"convolutional" or "dense"');
    expect(() => resolveConfig({ quantizer: { type: "other" } as never })).toThrow("quantizer.type");
  });

  it("are checked", () => {
    const dense = (options: object) => () => resolveConfig({ network: { type: "dense", ...options } });
    expect(dense({ hidden: 128 })).toThrow("network.hidden: expected a list of widths");
    expect(dense({ hidden: [128, 0] })).toThrow("network.hidden[1]");
    expect(dense({ latentVectors: 0 })).toThrow("network.latentVectors");
    expect(dense({ latentActivation: "gelu" })).toThrow('"none" or "relu"');
    const product = (options: object) => () => resolveConfig({ quantizer: { type: "product", ...options } });
    expect(product({ chunks: 0 })).toThrow("quantizer.chunks");
    expect(product({ sharedCodebook: "yes" })).toThrow("expected true or false, got yes");
    expect(product({ codeDimension: 0 })).toThrow("quantizer.codeDimension");
  });
});
