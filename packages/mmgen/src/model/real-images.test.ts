import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { ImageText } from "./image-text.js";
import { type ModelOptions, resolveModelConfig } from "./model-options.js";
import { MultimodalModel } from "./multimodal-model.js";
import { onlyOrder, withImageGrid } from "./stage-models.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** Images of random colors. */
function noise(count: number, height: number, width = height): ImageBatch {
  const random = Random.fromSeed(1);
  const data = Uint8Array.from({ length: count * height * width * 3 }, () => random.integer(256));
  return { data, count, height, width, channels: 3, maxValue: 255 };
}
const tiny = {
  ...({ preset: "smoke", seed: 1 } as const),
  vqvae: {
    network: { levels: [4, 4, 4], levelBlocks: 0, residualBlocks: 1 },
    quantizer: { codebookSize: 8 },
    training: { steps: 2, batchSize: 2 },
  },
  transformer: { width: 8, heads: 2, layers: 1, training: { steps: 2, batchSize: 2 } },
} as const;

describe("a model of real images", () => {
  it("trains on 128×128 pixels in two steps each, as 16×16 codes", async () => {
    const images = noise(2, 128);
    using model = await MultimodalModel.train({ ...tiny, images });
    const { transformer, vqvae } = model.config;
    expect(model.vqvae.codeGrid).toEqual({ height: 16, width: 16 });
    expect(vqvae.network).toMatchObject({ normalization: "group", upsampling: "nearest", attentionHeads: 4 });
    expect(transformer).toMatchObject({ positions: "rotary-2d", grid: { height: 16, width: 16, start: 1 } });
    expect(model.history!.transformer.steps).toHaveLength(2);
    expect(await model.invent({ seed: 2 })).toMatchObject({ images: { height: 128, width: 128 } });
  });

  it("refines the image codec by what captions say, unless it is told not to", async () => {
    const images = noise(4, 48);
    const captions = ["a red cat", "a dog", "a red dog", "a cat"];
    const refinement = { steps: 2, batchSize: 2, classifierSteps: 2, discriminatorChannels: 4 };
    const options = { ...tiny, images, captions, vqvae: { ...tiny.vqvae, refinement } };
    using model = await MultimodalModel.train(options);
    expect(model.history!.refinement!.steps).toHaveLength(2);
    expect(model.config.training!.refinement).toMatchObject({ steps: 2, learningRate: 1e-3, classifierSteps: 2 });
    const estimate = await MultimodalModel.estimateMemory(options);
    expect(estimate.refinement!.activations).toBeGreaterThan(estimate.vqvae!.activations);
    const text = { kind: "captions", captions } as const;
    expect(resolveModelConfig({ preset: "hour" }, images, text).vqvae.refinement).toMatchObject({ steps: 2000 });
    for (const [given, said] of [
      [{ vqvae: { refinement: false } }, text],
      [{}, { kind: "none", captions: [] }],
      [{ vqvae: { head: "categorical" } }, text],
    ] as const) {
      expect(resolveModelConfig(given, images, said).vqvae.refinement).toBeUndefined();
    }
    const asked = { vqvae: { refinement } };
    expect(() => resolveModelConfig(asked, images, { kind: "none", captions: [] })).toThrow(
      /vqvae\.refinement: it needs captions/,
    );
    const misspelt = { vqvae: { refinement: { classifierStep: 2 } } } as never;
    expect(() => resolveModelConfig(misspelt, images, text)).toThrow(
      /vqvae\.refinement.*classifierStep.*classifierSteps/,
    );
  });

  it("has the grid after the class, and after captions where these always come first", () => {
    const images = noise(2, 48, 64);
    const captions = ["a b", "c"];
    const gridOf = (text: ImageText, sequences = {}, more: ModelOptions = {}) => {
      const config = resolveModelConfig({ ...tiny, sequences, ...more }, images, text);
      const codes = { codebookSize: 8, codeGrid: { height: 6, width: 8 } };
      const tokenizer = MultimodalTokenizer.create({
        ...{ ...codes, ...(text.kind === "captions" && { captions }), ...config.tokenizer },
      });
      const { grid, positions } = withImageGrid(config.transformer.model, tokenizer, onlyOrder(config));
      return [positions, grid?.start];
    };
    expect(gridOf({ kind: "none", captions: [] })).toEqual(["rotary-2d", 1]);
    expect(gridOf({ kind: "classes", captions: ["a", "b"], names: ["a", "b"] })).toEqual(["rotary-2d", 2]);
    // <bos>, a marker, two words and an end, a marker.
    expect(gridOf({ kind: "captions", captions }, { textFirstShare: 1 })).toEqual(["rotary-2d", 6]);
    expect(gridOf({ kind: "captions", captions }, { textFirstShare: 0 })).toEqual(["rotary-2d", 2]);
    expect(gridOf({ kind: "captions", captions })).toEqual([undefined, undefined]);
    expect(gridOf({ kind: "captions", captions }, {}, { family: "diffusion" })).toEqual(["rotary-2d", 6]);
  });

  it("has a larger estimate for larger images, of each stage", async () => {
    const of = (side: number) => MultimodalModel.estimateMemory({ ...tiny, images: noise(2, side) });
    const [small, large] = [await of(64), await of(128)];
    // Four times the pixels and codes: attention is among all pairs of codes.
    const ratio = large.vqvae!.activations / small.vqvae!.activations;
    expect(ratio).toBeGreaterThan(3.9);
    expect(ratio).toBeLessThan(8);
    expect(large.transformer.activations / small.transformer.activations).toBeGreaterThan(4);
  });
});
