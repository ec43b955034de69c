import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { parameterCount, transformerPreset } from "./index.js";

describe("transformerPreset", () => {
  it("gives the sizes of the two originals", () => {
    const igpt = transformerPreset("igpt", { vocabularySize: 170 });
    expect(igpt).toMatchObject({ contextLength: 58, width: 128, heads: 4, layers: 4, dropout: 0.1 });
    // Embeddings and head 2 · 170 · 128, positions 58 · 128, 198 272 a layer, final norm 256.
    expect(parameterCount(igpt)).toBe(43_520 + 7_424 + 4 * 198_272 + 256);
    // Embedding, shared with the head, 50 · 384; positions 32 · 384; of a layer 12 · 384² and two norms; a norm.
    expect(parameterCount(transformerPreset("nanogpt-mnist"))).toBe(19_200 + 12_288 + 8 * (12 * 384 ** 2 + 768) + 384);
  });

  it("asks for what a preset leaves open, and for nothing else", () => {
    expect(transformerPreset("nanogpt-mnist", { vocabularySize: 39 }).vocabularySize).toBe(39);
    // @ts-expect-error The size of the vocabulary is missing.
    expect(() => parameterCount(transformerPreset("igpt"))).toThrow("vocabularySize");
    // @ts-expect-error There is no such field.
    expect(transformerPreset("nanogpt-mnist", { depth: 3 })).toHaveProperty("depth");
  });

  it("lets any field be changed, and refuses unknown names", () => {
    expect(transformerPreset("igpt", { vocabularySize: 9, dropout: 0 }).dropout).toBe(0);
    expect(() => transformerPreset("gpt" as never, { vocabularySize: 9 })).toThrow(ConfigError);
    expect(() => transformerPreset("toString" as never, { vocabularySize: 9 })).toThrow(
      "there are igpt, nanogpt-mnist",
    );
  });
});
