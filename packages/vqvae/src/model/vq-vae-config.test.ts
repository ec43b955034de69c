import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { resolveVqVae, vqVaePresets } from "./vq-vae-config.js";

describe("presets", () => {
  it("colored-mnist is the network and codebook of the colored-mnist write-up", () => {
    expect(resolveVqVae(vqVaePresets["colored-mnist"])).toEqual({
      imageSide: 28,
      channels: 3,
      maxValue: 3,
      composition: { type: "whole" },
      network: {
        type: "convolutional",
        hiddenChannels: 256,
        stages: 2,
        residualBlocks: 2,
        levelBlocks: 0,
        residualFilter: 1,
        attentionHeads: 0,
        normalization: "batch",
        activation: "relu",
        downFilter: 4,
        upsampling: "transposed",
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
      reconstruction: { l1: 0, squared: 1 },
    });
  });

  it("mnist-vlm is eight letters of 26 for a gray image", () => {
    expect(resolveVqVae(vqVaePresets["mnist-vlm"])).toEqual({
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
      reconstruction: { l1: 0, squared: 1 },
    });
  });

  it.each([
    ["faces-64", 64, 8, { codebookSize: 1024 }],
    ["latent-faces", 128, 16, { codebookSize: 256, codeDimension: 1024 }],
  ] as const)("%s is of %i×%i pixels and a grid of %i×%i codes", (name, side, grid, codebook) => {
    const { network, quantizer, ...images } = resolveVqVae(vqVaePresets[name]);
    expect(images).toMatchObject({ imageSide: side, channels: 3, maxValue: 255, head: "regression" });
    expect(quantizer).toMatchObject(codebook);
    expect(network).toMatchObject({ normalization: "group", activation: "silu", residualFilter: 3 });
    expect("levels" in network && side / 2 ** network.levels!.length).toBe(grid);
  });

  it("are complete when spread: a resolved configuration resolves to itself", () => {
    for (const preset of Object.values(vqVaePresets)) {
      const config = resolveVqVae(preset);
      expect(resolveVqVae(JSON.parse(JSON.stringify(config)))).toEqual(config);
    }
  });
});

describe("the side of images", () => {
  it("is a number, or height and width where they differ", () => {
    const sideOf = (imageSide: number | { height: number; width: number }) => resolveVqVae({ imageSide }).imageSide;
    expect(sideOf(64)).toBe(64);
    expect(sideOf({ height: 64, width: 64 })).toBe(64);
    expect(sideOf({ height: 48, width: 64 })).toEqual({ height: 48, width: 64 });
  });

  it.each<[imageSide: unknown, message: string]>([
    ["64", 'imageSide: expected a whole number of at least 1, got "64" (string)'],
    [{ height: 64 }, "imageSide.width: expected a whole number of at least 1, got undefined"],
    [{ height: 64, width: 0 }, "imageSide.width: expected a whole number of at least 1, got 0"],
    [{ height: 64, widht: 48 }, 'imageSide.widht: there is no such field; did you mean "width"?'],
    [undefined, ""],
  ])("%j is refused in words, or taken as the default", (imageSide, message) => {
    const resolve = () => resolveVqVae({ imageSide: imageSide as number });
    if (imageSide === undefined) {
      expect(resolve().imageSide).toBe(28);
    } else {
      expect(resolve).toThrow(message);
    }
  });
});

describe("unknown and misspelled fields", () => {
  it.each<[options: object, message: string]>([
    [{ imageSize: 28 }, 'imageSize: there is no such field; did you mean "imageSide"?'],
    [{ quantiser: { type: "fsq" } }, 'quantiser: there is no such field; did you mean "quantizer"?'],
    [{ network: { normalisation: "none" } }, 'did you mean "normalization"?'],
    [{ network: { type: "convolution" } }, 'network.type: expected "convolutional" or "dense"'],
    [{ quantizer: { type: "vectors" } }, 'did you mean "vector"?'],
    [
      { quantizer: { codebookSise: 8 } },
      'quantizer.codebookSise: "vector" has no such field; did you mean "codebookSize"?',
    ],
    [{ quantizer: { gradientEstimator: "rotate" } }, 'did you mean "rotation"?'],
    [
      { composition: "figureGround" },
      'composition: expected an object such as { type: "figure-ground" }, got "figureGround"',
    ],
    [{ composition: { type: "figure-ground", paletteLevel: 2 } }, 'did you mean "paletteLevels"?'],
    [{ composition: { type: "whole", paletteLevels: 2 } }, 'composition.paletteLevels: "whole" has no such field'],
    [{ head: "categorial" }, 'head: expected "regression", "sigmoid" or "categorical", got "categorial" (string)'],
    [{ channels: "3" }, 'channels: expected a whole number of at least 1, got "3" (string)'],
    [{ quantizer: [] }, "quantizer: expected an object of options, got [] (array)"],
  ])("%j is refused", (options, message) => {
    expect(() => resolveVqVae(options)).toThrow(ConfigError);
    expect(() => resolveVqVae(options)).toThrow(message);
  });
});

describe("a type's fields", () => {
  it("are only its own", () => {
    const dense = { type: "dense", stages: 2 } as never;
    expect(() => resolveVqVae({ network: dense })).toThrow(ConfigError);
    expect(() => resolveVqVae({ network: dense })).toThrow(
      'network.stages: "dense" has no such field; the known ones are type, hidden, latentVectors, latentActivation.',
    );
    expect(() => resolveVqVae({ network: { hidden: [3] } as never })).toThrow('"convolutional" has no such field');
    expect(() => resolveVqVae({ network: { type: "round" } as never })).toThrow('"convolutional" or "dense"');
    expect(() => resolveVqVae({ quantizer: { type: "other" } as never })).toThrow("quantizer.type");
  });

  it("are checked", () => {
    const dense = (options: object) => () => resolveVqVae({ network: { type: "dense", ...options } });
    expect(dense({ hidden: 128 })).toThrow("network.hidden: expected a list, got 128 (number).");
    expect(dense({ hidden: [128, 0] })).toThrow("network.hidden[1]");
    expect(dense({ latentVectors: 0 })).toThrow("network.latentVectors");
    expect(dense({ latentActivation: "gelu" })).toThrow('"none" or "relu"');
    const product = (options: object) => () => resolveVqVae({ quantizer: { type: "product", ...options } });
    expect(product({ chunks: 0 })).toThrow("quantizer.chunks");
    expect(product({ sharedCodebook: "yes" })).toThrow('expected true or false, got "yes" (string)');
    expect(product({ codeDimension: 0 })).toThrow("quantizer.codeDimension");
  });
});
