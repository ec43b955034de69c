import { ConfigError } from "@mmgen/core";
import { resolveVqVae } from "@mmgen/vqvae";
import { describe, expect, it } from "vitest";
import { resolveModelConfig } from "./model-options.js";

const images = { data: new Uint8Array(64 * 8 * 8 * 3), count: 64, height: 8, width: 8, channels: 3, maxValue: 3 };
const text = { kind: "captions", captions: [] } as const;

it("takes both sides of images that are not square, and halves the longer one to eight codes", () => {
  const wide = { ...images, data: new Uint8Array(64 * 24 * 40 * 3), height: 24, width: 40 };
  const { model } = resolveModelConfig({ preset: "smoke" }, wide, text).vqvae;
  expect(model).toMatchObject({ imageSide: { height: 24, width: 40 }, network: { stages: 3 } });
  expect(resolveModelConfig({ preset: "smoke" }, images, text).vqvae.model.imageSide).toBe(8);
});

describe("misspelled options are refused with the nearest name, before any training", () => {
  it.each<[object, string]>([
    [{ vqvae: "big" }, 'vqvae: expected an object of options, got "big" (string)'],
    [{ transformer: [1] }, "transformer: expected an object of options, got [1] (array)"],
    [{ tokenizer: "x" }, 'tokenizer: expected an object of options, got "x" (string)'],
    [{ sequences: "x" }, 'sequences: expected an object of options, got "x" (string)'],
    [{ sampling: { temprature: 1 } }, 'sampling.temprature: there is no such field; did you mean "temperature"?'],
    [{ sampling: { temperature: -1 } }, "sampling.temperature: expected a float32 number of at least 0, got -1"],
    [
      { vqvae: { training: { weightAverage: { dekay: 1 } } } },
      'weightAverage.dekay: there is no such field; did you mean "decay"?',
    ],
    [
      { vqvae: { training: { weightAverage: { decay: 2 } } } },
      "vqvae.training.weightAverage.decay: expected a number above 0",
    ],
    [
      { transformer: { training: { earlyStopping: { patiense: 1 } } } },
      'earlyStopping.patiense: there is no such field; did you mean "patience"?',
    ],
  ])("%j", (options, message) => {
    expect(() => resolveModelConfig({ preset: "smoke", ...options }, images, text)).toThrow(ConfigError);
    expect(() => resolveModelConfig({ preset: "smoke", ...options }, images, text)).toThrow(message);
  });

  it.each<[object, string]>([
    [{ composition: "figureGround" }, 'composition.type: expected "whole" or "figure-ground"'],
    [{ composition: "figureGround" }, 'did you mean "figure-ground"?'],
    [
      { vqvae: { composition: "figureGround" } },
      'composition: expected an object such as { type: "figure-ground" }, got "figureGround"',
    ],
    [{ vqvae: { quantiser: { type: "fsq" } } }, 'quantiser: there is no such field; did you mean "quantizer"?'],
    [{ vqvae: { quantizer: "FSQ" } }, 'quantizer: expected an object such as { type: "fsq" }, got "FSQ" (string)'],
    [{ vqvae: { quantizer: { type: "Vektor" } } }, 'quantizer.type: expected "vector", "product"'],
    [
      { vqvae: { network: "unknown" } },
      'network: expected an object whose type is "convolutional" or "dense", got "unknown"',
    ],
  ])("%j, by the image codec", (options, message) => {
    const config = resolveModelConfig({ preset: "smoke", ...options }, images, text);
    expect(() => resolveVqVae(config.vqvae.model)).toThrow(ConfigError);
    expect(() => resolveVqVae(config.vqvae.model)).toThrow(message);
  });
});
