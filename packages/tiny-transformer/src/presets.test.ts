import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { parameterCount, transformerPreset } from "./index.js";

describe("transformerPreset", () => {
  it("gives the sizes of the two originals", () => {
    const igpt = transformerPreset("igpt", { vocabularySize: 170 });
    expect(igpt).toMatchObject({ contextLength: 58, width: 128, heads: 4, layers: 4, dropout: 0.1 });
    // Embeddings and head 2 · 170 · 128, positions 58 · 128, 198 272 a layer, final norm 256.
    expect(parameterCount(igpt)).toBe(43_520 + 7_424 + 4 * 198_272 + 256);
    expect(transformerPreset("nanogpt-mnist", { vocabularySize: 50 })).toMatchObject({
      width: 384,
      layers: 8,
      heads: 8,
    });
  });

  it("lets any field be changed, and refuses unknown names", () => {
    expect(transformerPreset("igpt", { vocabularySize: 9, dropout: 0 }).dropout).toBe(0);
    expect(() => transformerPreset("gpt" as never, { vocabularySize: 9 })).toThrow(ConfigError);
    expect(() => transformerPreset("toString" as never, { vocabularySize: 9 })).toThrow(
      "there are igpt, nanogpt-mnist",
    );
  });
});
