import { inspect } from "node:util";
import { Random } from "@mmgen/core";
import { AttributeClassifier, CodeUsage } from "@mmgen/evaluation";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { Linear } from "@mmgen/nn";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { adamW, imageExamples, Optimizer, tokenExamples, windowExamples } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { createQuantizer } from "@mmgen/vqvae/quantizers";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { MultimodalModel } from "mmgen";
import { expect, it } from "vitest";

await tf.setBackend("cpu");

const random = Random.fromSeed(1);
const vqvae = VqVae.create({ network: { hiddenChannels: 8 } }, { random });
const { codebookSize, codeGrid } = vqvae;
const words = Array.from({ length: 300 }, (_, i) => `word${i}`);
const tokenizer = MultimodalTokenizer.create({ words, captionLength: 3, codebookSize, codeGrid });
const { vocabularySize, sequenceLength: contextLength } = tokenizer;
const sizes = { vocabularySize, contextLength, width: 8, heads: 1, layers: 2 };
const transformer = TinyTransformer.create(sizes, { random });
const ids = { data: new Int32Array(1000), count: 10, length: 100 };
const layout = { codesPerImage: 49, paletteCodes: 0, paletteSize: 0, palettePlace: "before", codebooks: 1 } as const;

it.each<[string, () => unknown]>([
  ["VqVae", () => vqvae],
  ["its encoder", () => vqvae.network],
  ["a quantizer in it", () => vqvae.quantizer],
  ["a quantizer", () => createQuantizer({})],
  ["TinyTransformer", () => transformer],
  ["a block of it", () => transformer.backbone],
  ["a layer", () => new Linear({ inputs: 9, outputs: 9 })],
  ["a parameter", () => vqvae.weights.values().next().value],
  [
    "AttributeClassifier",
    () => AttributeClassifier.create({ attributes: [{ name: "digit", classes: 10 }] }, { random }),
  ],
  ["MultimodalModel", () => MultimodalModel.fromParts({ vqvae, tokenizer, transformer })],
  ["MultimodalTokenizer", () => tokenizer],
  ["Optimizer", () => Optimizer.create(transformer.parameters, adamW())],
  ["adamW", () => adamW({ clipNorm: 1 })],
  [
    "imageExamples",
    () => imageExamples({ data: new Uint8Array(4000), count: 1000, height: 2, width: 2, channels: 1, maxValue: 3 }),
  ],
  ["tokenExamples", () => tokenExamples(ids)],
  ["windowExamples", () => windowExamples(ids.data, { length: 4 })],
  ["CodeUsage", () => new CodeUsage({ ...layout, codebookSize: 512 })],
  ["Random", () => random],
])("console.log of %s is a few lines", (_, make) => {
  const shown = inspect(make());
  expect(shown.split("\n").length, shown.slice(0, 2000)).toBeLessThanOrEqual(12);
  expect(shown.length).toBeLessThan(800);
});
