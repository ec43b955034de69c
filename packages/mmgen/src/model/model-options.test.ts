import { ConfigError, type ImageBatch } from "@mmgen/core";
import { resolveVqVae, vqVaePresets } from "@mmgen/vqvae";
import { describe, expect, it } from "vitest";
import type { ImageText } from "./image-text.js";
import { type ModelOptions, resolveModelConfig, type SequenceOptions } from "./model-options.js";
import { mmgenPresets, type PresetName } from "./presets.js";

const images = { data: new Uint8Array(64 * 8 * 8 * 3), count: 64, height: 8, width: 8, channels: 3, maxValue: 3 };
const text = { kind: "captions", captions: [] } as const;

it("takes both sides of images that are not square, and halves the longer one to eight codes", () => {
  const wide = { ...images, data: new Uint8Array(64 * 24 * 40 * 3), height: 24, width: 40 };
  const { model } = resolveModelConfig({ preset: "smoke" }, wide, text).vqvae;
  expect(model).toMatchObject({ imageSide: { height: 24, width: 40 }, network: { stages: 3 } });
  expect(resolveModelConfig({ preset: "smoke" }, images, text).vqvae.model.imageSide).toBe(8);
});

describe("images of many colors", () => {
  const alone = { kind: "none", captions: [] } as const;
  const classes = { kind: "classes", captions: ["a"], names: ["a"] } as const;
  const photos = (height: number, width = height) => ({
    ...images,
    data: new Uint8Array(0),
    height,
    width,
    maxValue: 255,
  });
  const codecOf = (options: ModelOptions, of: ImageBatch) => resolveModelConfig(options, of, text).vqvae.model;
  const transformerOf = (options: ModelOptions, said: ImageText = alone) =>
    resolveModelConfig(options, photos(64), said).transformer.model;

  it("have the image codec of real images from 48 pixels on, in batches of 8", () => {
    const { imageSide, maxValue, ...faces } = vqVaePresets["faces-64"];
    const { model, training } = resolveModelConfig({}, photos(64), alone).vqvae;
    expect(resolveVqVae(model)).toEqual(resolveVqVae({ ...faces, imageSide, maxValue }));
    expect(training).toMatchObject({ batchSize: 8, learningRate: 2e-3, beta2: 0.99 });
    for (const preset of Object.keys(mmgenPresets) as PresetName[]) {
      const { network, quantizer } = resolveVqVae(codecOf({ preset }, photos(48, 80))) as never as Resolved;
      expect(network).toMatchObject({ normalization: "group", activation: "silu", upsampling: "nearest" });
      expect([network.levels.length, network.levels[2]]).toEqual([3, quantizer.codeDimension]);
    }
    const levels = (side: number) => (codecOf({}, photos(side)).network as Resolved["network"]).levels;
    expect([levels(128), levels(256)]).toEqual([
      [24, 48, 96],
      [24, 48, 96, 96],
    ]);
  });

  it.each<[string, ModelOptions, ImageBatch]>([
    ["digits of 28×28", {}, photos(28)],
    ["images with a side below 48", {}, photos(47, 64)],
    ["images of few levels", {}, { ...photos(64), maxValue: 3 }],
    ["figure and ground", { composition: "figure-ground" }, photos(64)],
    ["a dense network", { vqvae: { network: { type: "dense" } } }, photos(64)],
    ["a preset without networks for them", { preset: { ...mmgenPresets.quick, realImages: undefined } }, photos(64)],
  ])("are none: %s", (_, options, of) => {
    const { transformer, vqvae } = resolveModelConfig(options, of, alone);
    expect(transformer.model).toEqual({ width: 128, heads: 4, layers: 4, dropout: 0 });
    expect(vqvae.training.batchSize).toBe(64);
    expect(vqvae.model.network).not.toHaveProperty("levels");
  });

  it("have a transformer that knows rows and columns where the image is at one place", () => {
    const parts = { normalization: "rms", feedForward: "swiglu", queryKeyNorm: true };
    expect(transformerOf({})).toMatchObject({ ...parts, positions: "rotary-2d" });
    expect(transformerOf({}, classes)).toMatchObject({ ...parts, positions: "rotary-2d" });
    const inOrder = (sequences: SequenceOptions) => transformerOf({ sequences }, text).positions;
    expect(transformerOf({}, text)).toMatchObject(parts);
    const once: SequenceOptions = { textFirstShare: 1, orders: "once" };
    for (const both of [{}, { textFirstShare: 0.9 }, once, { orders: ["text-first", "image-first"] as const }]) {
      expect(inOrder(both), JSON.stringify(both)).toBeUndefined();
    }
    for (const one of [{ textFirstShare: 0 }, { textFirstShare: 1 }, { orders: ["image-first"] as const }]) {
      expect(inOrder(one), JSON.stringify(one)).toBe("rotary-2d");
    }
  });

  it("give way to what the caller says", () => {
    const network = (given: object) =>
      resolveVqVae(codecOf({ vqvae: { network: given } }, photos(64))) as never as Resolved;
    expect(network({ hiddenChannels: 30 })).toMatchObject({
      network: { hiddenChannels: 30, stages: 3, attentionHeads: 2, normalization: "group" },
      quantizer: { codeDimension: 30 },
    });
    expect(network({ stages: 2 }).network).toMatchObject({ hiddenChannels: 96, stages: 2 });
    expect(network({ levels: [8, 9] })).toMatchObject({
      network: { levels: [8, 9], attentionHeads: 1 },
      quantizer: { codeDimension: 9 },
    });
    expect(network({ normalization: "batch", attentionHeads: 3 }).network).toMatchObject({ normalization: "batch" });
    const quantizer = { type: "fsq" } as const;
    expect(codecOf({ vqvae: { quantizer } }, photos(64)).quantizer).toEqual(quantizer);
    const small = codecOf({ vqvae: { network: { levels: [8, 16] } } }, images);
    expect(resolveVqVae(small).network).toMatchObject({ levels: [8, 16], attentionHeads: 2 });

    expect(transformerOf({ transformer: { positions: "learned" } }).positions).toBe("learned");
    expect(transformerOf({ transformer: { width: 36, heads: 6 } })).not.toHaveProperty("positions");
    expect(transformerOf({ transformer: { gelu: "tanh" } })).toMatchObject({ feedForward: "gelu", gelu: "tanh" });
    expect(transformerOf({ transformer: { normalization: "layer" } }).normalization).toBe("layer");
    const training = { batchSize: 16, steps: 3 };
    expect(resolveModelConfig({ vqvae: { training } }, photos(64), alone).vqvae.training).toMatchObject(training);
  });
});

/** What is read of an image codec's configuration. */
interface Resolved {
  readonly network: { readonly levels: readonly number[] };
  readonly quantizer: { readonly codeDimension: number };
}

describe("misspelled options are refused with the nearest name, before any training", () => {
  it.each<[object, string]>([
    [{ vqvae: "big" }, 'vqvae: expected an object of options, got "big" (string)'],
    [{ transformer: [1] }, "transformer: expected an object of options, got [1] (array)"],
    [{ tokenizer: "x" }, 'tokenizer: expected an object of options, got "x" (string)'],
    [{ sequences: "x" }, 'sequences: expected an object of options, got "x" (string)'],
    [{ sampling: { temprature: 1 } }, 'sampling.temprature: there is no such field; did you mean "temperature"?'],
    [
      { sampling: { guidance: { from: 1, too: 3 } } },
      'sampling.guidance.too: there is no such field; did you mean "to"?',
    ],
    [{ preset: { ...mmgenPresets.smoke, realImages: {} } }, "preset: expected the name of a preset"],
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
