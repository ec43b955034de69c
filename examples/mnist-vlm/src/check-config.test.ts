import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { checkConfig } from "./check-config.js";
import { presetNames, presets } from "./presets.js";
import type { RunSettings } from "./settings.js";

const settings: RunSettings = { preset: "smoke", config: presets.smoke, data: "procedural", seed: 1 };
const withConfig = (config: RunSettings["config"]): RunSettings => ({ ...settings, config });
const { smoke } = presets;

describe("checkConfig", () => {
  it.each(presetNames)("takes the preset %s", (name) => {
    expect(() => checkConfig(withConfig(presets[name]))).not.toThrow();
  });

  it.each<[string, RunSettings["config"], RegExp]>([
    // "image:" and ", number:7." take 17 of a line's 32 characters.
    ["more letters than a line holds", { ...smoke, tokenizer: { ...smoke.tokenizer, chunks: 16 } }, /chunks 16: lines/],
    [
      "a width that heads do not divide",
      { ...smoke, transformer: { ...smoke.transformer, heads: 3 } },
      /transformer: width 32 must be divisible by heads 3/,
    ],
    [
      "a warm-up longer than the training",
      { ...smoke, transformer: { ...smoke.transformer, steps: 1 } },
      /transformer: warmUpSteps/,
    ],
    [
      "batches of more lines than there are",
      { ...smoke, data: { ...smoke.data, trainCount: 63 } },
      /batchSize: expected at most data\.trainCount, 63, got 64/,
    ],
  ])("refuses %s", (_, config, message) => {
    let error: unknown;
    try {
      checkConfig(withConfig(config));
    } catch (reason) {
      error = reason;
    }
    expect(ConfigError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });

  it("takes as many letters as a line holds, and leaves the count of prepared lines to their file", () => {
    const tokenizer = { ...smoke.tokenizer, chunks: 15 };
    const data = { ...smoke.data, trainCount: 1 };
    expect(() => checkConfig({ ...withConfig({ ...smoke, tokenizer, data }), lines: "train.txt" })).not.toThrow();
  });
});
