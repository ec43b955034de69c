import { type OnnxBackend, registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ExampleSource, type ImageBatch, Random } from "@mmgen/core";
import { AttributeClassifier, attributeExamples } from "@mmgen/evaluation";
import type { TensorTrainable } from "@mmgen/nn";
import { TinyTransformer, type TransformerBatch } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

const random = Random.fromSeed(1);
const count = 16;
const images: ImageBatch = {
  ...{ count, height: 8, width: 8, channels: 3, maxValue: 3 },
  data: Uint8Array.from({ length: count * 192 }, () => random.integer(4)),
};
const ids = { data: Int32Array.from({ length: 4 * 6 }, () => random.integer(9)), count: 4, length: 6 };
const sequences: ExampleSource<TransformerBatch> = { count, batch: () => ({ inputs: ids, targets: ids }) };
const labels = { digit: Int32Array.from({ length: count }, (_, i) => i % 3) };

interface Kind<Batch, Aux> {
  create(): TensorTrainable<Batch, Aux> & { dispose(): void };
  readonly examples: ExampleSource<Batch>;
}

const kind = <Batch, Aux>(of: Kind<Batch, Aux>) => of;
const kinds: readonly (readonly [string, Kind<never, unknown>])[] = [
  [
    "TinyTransformer",
    kind({
      create: () =>
        TinyTransformer.create(
          { vocabularySize: 9, contextLength: 6, width: 8, heads: 2, layers: 1 },
          { random: Random.fromSeed(2) },
        ),
      examples: sequences,
    }) as unknown as Kind<never, unknown>,
  ],
  [
    "VqVae",
    kind({
      create: () =>
        VqVae.create(
          {
            imageSide: 8,
            network: { hiddenChannels: 8, attentionHeads: 2 },
            quantizer: { codebookSize: 8, codeDimension: 4, start: "uniform" },
          },
          { random: Random.fromSeed(2) },
        ),
      examples: imageExamples(images),
    }) as unknown as Kind<never, unknown>,
  ],
  [
    "AttributeClassifier",
    kind({
      create: () =>
        AttributeClassifier.create(
          {
            attributes: [{ name: "digit", classes: 3 }],
            height: 8,
            width: 8,
            hiddenChannels: [4, 4, 4],
            hiddenWidth: 8,
          },
          { random: Random.fromSeed(2) },
        ),
      examples: attributeExamples(images, labels),
    }) as unknown as Kind<never, unknown>,
  ],
];

it.each(kinds)("%s trains in one graph from the first step on", async (_, { create, examples }) => {
  const run = async (steps: number) => {
    const model = create();
    const schedule = constantSchedule(1e-3);
    await train({ model, examples, batchSize: 4, steps, schedule, random: Random.fromSeed(3) });
    model.dispose();
    return (tf.backend() as OnnxBackend).sessions().misses;
  };
  // A first value that is computed would make the first step's graph another than the second's.
  const afterOne = await run(1);
  expect(await run(3)).toBe(afterOne);
});
