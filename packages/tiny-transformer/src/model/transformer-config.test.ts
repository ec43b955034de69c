import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { parameterCount, resolveTransformer, transformerPresets } from "../index.js";

describe("transformerPresets", () => {
  it("hold the sizes of the two published models", () => {
    const igpt = { ...transformerPresets.igpt, vocabularySize: 170 };
    expect(igpt).toMatchObject({ contextLength: 58, width: 128, heads: 4, layers: 4, dropout: 0.1 });
    // Embeddings and head 2 · 170 · 128, positions 58 · 128, 198 272 a layer, final norm 256.
    expect(parameterCount(igpt)).toBe(43_520 + 7_424 + 4 * 198_272 + 256);
    // Embedding, shared with the head, 50 · 384; positions 32 · 384; of a layer 12 · 384² and two norms; a norm.
    expect(parameterCount(transformerPresets["nanogpt-mnist"])).toBe(19_200 + 12_288 + 8 * (12 * 384 ** 2 + 768) + 384);
  });

  it("leave vocabularySize open where it depends on the data", () => {
    expect(resolveTransformer({ ...transformerPresets["nanogpt-mnist"], vocabularySize: 39 }).vocabularySize).toBe(39);
    expect(resolveTransformer({ ...transformerPresets.igpt, vocabularySize: 9, dropout: 0 }).dropout).toBe(0);
    // @ts-expect-error The size of the vocabulary is missing.
    expect(() => parameterCount(transformerPresets.igpt)).toThrow("vocabularySize");
  });
});

/** The last code of its grid is predicted and never read. */
const plane = {
  ...transformerPresets["nanogpt-mnist"],
  positions: "rotary-2d",
  grid: { height: 8, width: 4, start: 1 },
} as const;

describe("resolveTransformer", () => {
  it("fills in the defaults, in a fixed field order", () => {
    const small = { layers: 2, heads: 2, width: 12, contextLength: 8, vocabularySize: 11 };
    expect(JSON.stringify(resolveTransformer(small))).toBe(
      '{"vocabularySize":11,"contextLength":8,"width":12,"heads":2,"layers":2,"dropout":0,"feedForwardWidth":48,"learnedPositions":false,' +
        '"normalization":"layer","feedForward":"gelu","gelu":"exact","queryKeyNorm":false,"positions":"learned",' +
        '"causal":true,"bias":true,"tiedWeights":false}',
    );
    // 8/3 · 256 is 682.7: the parameters of 4 · 256 with two matrices.
    expect(resolveTransformer({ ...small, width: 256, feedForward: "swiglu" }).feedForwardWidth).toBe(680);
    expect(resolveTransformer({ ...small, width: 2, feedForward: "swiglu" }).feedForwardWidth).toBe(8);
    expect(resolveTransformer({ ...small, feedForwardWidth: 7 }).feedForwardWidth).toBe(7);
    expect(resolveTransformer({ ...plane, causal: false }).learnedPositions).toBe(true);
    expect(resolveTransformer({ ...plane, causal: false, learnedPositions: false }).learnedPositions).toBe(false);
    expect(resolveTransformer({ ...small, causal: false }).learnedPositions).toBe(false);
  });

  it.each<[string, unknown]>([
    ["expected an object of options, got undefined", undefined],
    ["expected an object of options, got 3", 3],
    ["depth: there is no such field", { ...transformerPresets["nanogpt-mnist"], depth: 3 }],
    ["grid: required by positions", { ...plane, grid: undefined }],
    ['grid: belongs to positions "rotary-2d", got "rotary"', { ...plane, positions: "rotary" }],
    ["grid: 8 × 4 codes from position 2 on exceed contextLength 32", { ...plane, grid: { ...plane.grid, start: 2 } }],
    ["grid.start: expected a whole number of at least 0", { ...plane, grid: { height: 1, width: 1 } }],
    ["width / heads must be divisible by 4, got 6", { ...plane, width: 12, heads: 2 }],
    [
      'learnedPositions: true belongs to rotary positions, got "learned"',
      { ...transformerPresets["nanogpt-mnist"], learnedPositions: true },
    ],
    ['gelu: "tanh" has no effect', { ...plane, feedForward: "swiglu", gelu: "tanh" }],
    ['did you mean "dropout"', { ...transformerPresets["nanogpt-mnist"], dropuot: 0.1 }],
  ])("refuses with: %s", (message, options) => {
    const call = () => resolveTransformer(options as never);
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  });
});
