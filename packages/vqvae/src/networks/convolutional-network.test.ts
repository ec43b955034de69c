import "@mmgen/nn/gradients";
import { ConfigError, type ImageBatch, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import type { GroupNorm } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConvolutionalOptions, resolveVqVae, VqVae, type VqVaeOptions } from "../index.js";
import { trainSteps } from "../model/train-steps.fixture.js";
import type { ConvolutionalNetwork } from "./convolutional-network.js";
import type { ResidualBlock } from "./residual-block.js";

beforeAll(() => tf.setBackend("cpu"));

const forImages = {
  levels: [4, 6],
  levelBlocks: 1,
  residualBlocks: 1,
  residualFilter: 3,
  normalization: "group",
  activation: "silu",
  upsampling: "nearest",
} as const satisfies ConvolutionalOptions;

function create(network: ConvolutionalOptions = forImages): VqVae {
  const quantizer = { codebookSize: 6, codeDimension: 3 };
  return VqVae.create({ imageSide: 8, maxValue: 255, network, quantizer }, { random: Random.fromSeed(1) });
}

/** One bright column an image, on a color of its own. */
function bars(count: number): ImageBatch {
  const data = Uint8Array.from({ length: count * 192 }, (_, i) => {
    const [image, column, channel] = [Math.floor(i / 192), Math.floor(i / 3) % 8, i % 3];
    return column === image % 8 ? 250 : 40 * ((image + channel) % 3);
  });
  return { data, count, height: 8, width: 8, channels: 3, maxValue: 255 };
}

const shapesOf = (model: VqVae) =>
  Object.fromEntries([...model.weights].map(([name, { fileShape }]) => [name, fileShape.join("×")]));

describe("a convolutional network by levels", () => {
  it("has PyTorch's names and layouts", () => {
    using model = create();
    const norm = (name: string, channels: number) => ({
      [`${name}.weight`]: `${channels}`,
      [`${name}.bias`]: `${channels}`,
    });
    const conv = (name: string, outputs: number, inputs: number, filter: number) => ({
      [`${name}.weight`]: `${outputs}×${inputs}×${filter}×${filter}`,
      [`${name}.bias`]: `${outputs}`,
    });
    const block = (name: string, channels: number) => ({
      ...norm(`${name}.norm1`, channels),
      ...conv(`${name}.conv1`, channels, channels, 3),
      ...norm(`${name}.norm2`, channels),
      ...conv(`${name}.conv2`, channels, channels, 3),
    });
    const ofNetwork = Object.entries(shapesOf(model)).filter(([name]) => !name.startsWith("quantizer"));
    expect(Object.fromEntries(ofNetwork)).toEqual({
      ...conv("encoder.down.0.conv", 4, 3, 4),
      ...block("encoder.down.0.residual.0", 4),
      ...norm("encoder.down.1.norm", 4),
      ...conv("encoder.down.1.conv", 6, 4, 4),
      ...block("encoder.residual.0", 6),
      ...conv("encoder.projection", 3, 6, 1),
      ...conv("decoder.projection", 6, 3, 1),
      ...block("decoder.residual.0", 6),
      ...norm("decoder.up.0.norm", 6),
      ...conv("decoder.up.0.conv", 4, 6, 3),
      ...block("decoder.up.0.residual.0", 4),
      ...norm("decoder.up.1.norm", 4),
      ...conv("decoder.up.1.conv", 4, 4, 3),
      ...norm("decoder.output.norm", 4),
      ...conv("decoder.output.conv", 3, 4, 3),
    });
  });

  it("of equal levels is the network of hiddenChannels and stages, weight for weight", async () => {
    const rest = { residualBlocks: 1 };
    using byLevel = create({ levels: [5, 5], ...rest });
    using byStage = create({ hiddenChannels: 5, stages: 2, ...rest });
    expect(shapesOf(byLevel)).toEqual(shapesOf(byStage));
    const images = bars(3);
    expect(await byLevel.latents(images)).toEqual(await byStage.latents(images));
    expect(await byLevel.reconstruct(images)).toEqual(await byStage.reconstruct(images));
  });

  it.each<[name: string, network: ConvolutionalOptions]>([
    ["for images of many colors", forImages],
    [
      "with attention, transposed convolutions and batch norm",
      { ...forImages, levels: [4, 8], attentionHeads: 2, upsampling: "transposed", normalization: "batch" },
    ],
    [
      "with attention, group norm in four groups and 3×3 filters on the way down",
      { ...forImages, levels: [4, 8], attentionHeads: 2, normalizationGroups: 4, downFilter: 3 },
    ],
    [
      "without norms, on a side that is padded",
      { ...forImages, levels: [4, 4, 4, 6], levelBlocks: 0, normalization: "none" },
    ],
  ])("%s: learns, gives every variable a gradient, is saved, and leaves nothing behind", async (_, network) => {
    const images = bars(4);
    const before = tf.memory().numTensors;
    {
      using model = create(network);
      const side = Math.ceil(8 / 2 ** network.levels!.length);
      expect(model.codeGrid).toEqual({ height: side, width: side });
      tf.tidy(() => {
        const loss = () => model.loss(images, { training: true }).total;
        const { grads } = tf.variableGrads(loss, [...model.parameters.values()]);
        for (const [name, variable] of model.parameters) {
          expect(grads[variable.name]!.shape, name).toEqual(variable.shape);
          expect(
            grads[variable.name]!.dataSync().some((value) => value !== 0),
            name,
          ).toBe(true);
        }
      });
      const losses = await trainSteps(model, images, 3);
      expect(losses.at(-1)!).toBeLessThan(losses[0]!);
      using loaded = VqVae.fromSafetensors(await model.toSafetensors());
      expect(loaded.config).toEqual(model.config);
      expect(await loaded.reconstruct(images)).toEqual(await model.reconstruct(images));
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it("normalizes by image in groups: the rest of a batch makes no difference in training", () => {
    using model = create();
    const alone = { ...bars(1), data: bars(2).data.slice(0, 192) };
    const latents = (images: ImageBatch) =>
      tf.tidy(() => {
        const { data, count } = images;
        const map = tf.div(tf.tensor4d(Float32Array.from(data), [count, 8, 8, 3]), 255) as tf.Tensor4D;
        return model.network.encode(map, { training: true }).dataSync().slice(0, 12);
      });
    expect(latents(alone)).toEqual(latents(bars(2)));
  });
});

describe("images of any two sides", () => {
  const images = (height: number, width: number): ImageBatch => {
    const random = Random.fromSeed(height);
    const data = Uint8Array.from({ length: 3 * height * width * 3 }, () => random.integer(256));
    return { data, count: 3, height, width, channels: 3, maxValue: 255 };
  };

  it.each<[name: string, height: number, width: number, options: VqVaeOptions, grid: [number, number]]>([
    ["divisible", 8, 12, { network: forImages }, [2, 3]],
    ["that are padded", 6, 11, { network: forImages }, [2, 3]],
    ["with attention", 6, 11, { network: { ...forImages, levels: [4, 8], attentionHeads: 2, downFilter: 3 } }, [2, 3]],
    ["of which one is square", 12, 12, { network: { ...forImages, downFilter: 3 } }, [3, 3]],
    ["under a dense network", 3, 5, { network: { type: "dense", hidden: [8], latentVectors: 4 } }, [1, 4]],
    ["as figure and ground", 6, 11, { network: forImages, composition: { type: "figure-ground" } }, [1, 8]],
  ])("%s: are learned, coded and decoded to their shape", async (_, height, width, options, [rows, columns]) => {
    const given = images(height, width);
    const quantizer = { codebookSize: 6, codeDimension: 3 };
    using model = VqVae.create(
      { imageSide: { height, width }, maxValue: 255, quantizer, ...options },
      { random: Random.fromSeed(1) },
    );
    expect(model.imageShape).toEqual({ height, width, channels: 3, maxValue: 255 });
    expect(model.codeGrid).toEqual({ height: rows, width: columns });
    const losses = await trainSteps(model, given, 2);
    expect(losses.every(Number.isFinite)).toBe(true);
    const codes = await model.encode(given);
    expect(codes.data.length).toBe(3 * rows * columns);
    const decoded = await model.decode(codes);
    expect([decoded.height, decoded.width, decoded.data.length]).toEqual([height, width, given.data.length]);
    using loaded = VqVae.fromSafetensors(await model.toSafetensors());
    expect(loaded.config).toEqual(model.config);
    expect(await loaded.decode(codes)).toEqual(decoded);
    const turned = { ...given, height: width, width: height };
    if (height !== width) {
      await expect(model.encode(turned)).rejects.toThrow(`takes ${height}×${width}×3 with maxValue 255, got height`);
    }
  });

  it("are halved by 3×3 filters that are padded after the last row and column alone", () => {
    using model = create({ ...forImages, levels: [1], downFilter: 3 });
    const { conv } = (model.network as ConvolutionalNetwork).encoder.down[0]!;
    tf.tidy(() => {
      conv.weight.variable.assign(tf.ones([3, 3, 3, 1]));
      conv.bias.variable.assign(tf.zeros([1]));
      const sums = tf.squeeze(conv.forward(tf.ones([1, 6, 6, 3])), [0, 3]);
      expect(sums.arraySync()).toEqual([
        [27, 27, 18],
        [27, 27, 18],
        [18, 18, 12],
      ]);
    });
  });

  it("are normalized in the groups asked for", () => {
    using model = create({ ...forImages, levels: [4, 8], normalizationGroups: 2 });
    const { encoder } = model.network as ConvolutionalNetwork;
    expect((encoder.down[1]!.norm as GroupNorm).groups).toBe(2);
    expect(((encoder.blocks["residual.0"] as ResidualBlock).norm1 as GroupNorm).groups).toBe(2);
  });
});

describe("options of a convolutional network", () => {
  const resolve = (network: object) => resolveVqVae({ network: network as ConvolutionalOptions }).network;

  it("are levels, or channels and stages; filled in they resolve to themselves", () => {
    const usual = { residualBlocks: 2, levelBlocks: 0, residualFilter: 1, attentionHeads: 0, downFilter: 4 };
    const layers = { normalization: "batch", activation: "relu", upsampling: "transposed" };
    expect(resolve({})).toEqual({ type: "convolutional", hiddenChannels: 256, stages: 2, ...usual, ...layers });
    expect(resolve({ levels: [8, 16] })).toEqual({ type: "convolutional", levels: [8, 16], ...usual, ...layers });
    for (const network of [{}, { levels: [8, 16] }, { stages: 3 }]) {
      expect(resolve(resolve(network))).toEqual(resolve(network));
    }
  });

  it.each<[options: object, message: string]>([
    [
      { levels: [8, 16], stages: 2 },
      "network.levels: they give the number of channels and of halvings; leave out stages.",
    ],
    [{ levels: [8], hiddenChannels: 8 }, "leave out hiddenChannels."],
    [{ levels: [] }, "network.levels: expected a list of 1 to 8 values, got [] (array)."],
    [{ levels: [8, 0] }, "network.levels[1]: expected a whole number of at least 1, got 0 (number)."],
    [{ levels: [8, 6], attentionHeads: 4 }, "network.attentionHeads: expected a divisor of the last level's 6, got 4."],
    [
      { hiddenChannels: 6, attentionHeads: 4 },
      "network.attentionHeads: expected a divisor of hiddenChannels 6, got 4.",
    ],
    [{ normalization: "groups" }, 'did you mean "group"?'],
    [{ activation: "gelu" }, 'network.activation: expected "relu" or "silu", got "gelu" (string)'],
    [{ upsampling: "bilinear" }, 'network.upsampling: expected "transposed" or "nearest"'],
    [{ downFilter: 5 }, "network.downFilter: expected a whole number from 3 to 4, got 5 (number)."],
    [
      { levels: [8, 12], normalization: "group", normalizationGroups: 8 },
      "network.normalizationGroups: expected a divisor of the channels of every level, got 8 and a level of 12.",
    ],
    [{ normalizationGroups: 8 }, 'network.normalizationGroups: groups are of normalization "group", got "batch"'],
    [{ residualFilter: 0 }, "network.residualFilter: expected a whole number from 1 to 7, got 0 (number)."],
  ])("%j are refused", (options, message) => {
    expect(() => resolve(options)).toThrow(ConfigError);
    expect(() => resolve(options)).toThrow(message);
  });
});
