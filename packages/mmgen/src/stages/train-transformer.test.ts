import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { trainTransformer } from "./train-transformer.js";
import { mixedOrderExamples } from "./training-examples.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

const captions = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? "a cat" : "a dog"));
const tokenizer = MultimodalTokenizer.create({ captions, codebookSize: 4, codeGrid: { height: 1, width: 3 } });
const random = Random.fromSeed(1);
const codes = { data: Int32Array.from({ length: 72 }, () => random.integer(4)), count: 24, height: 1, width: 3 };
const options = {
  model: { width: 8, heads: 2, layers: 1 },
  tokenizer,
  examples: mixedOrderExamples({ tokenizer, codes, captions }),
  training: { epochs: 2, batchSize: 8, learningRate: 0.01 },
  seed: 1,
};

describe("trainTransformer", () => {
  it("hands out the model after the steps that are kept, and its metrics by epoch", async () => {
    const kept: [number, Uint8Array][] = [];
    const epochs: number[] = [];
    const { transformer, history } = await trainTransformer({
      ...options,
      keep: {
        steps: [2, 6],
        write: async (model, step) => {
          kept.push([step, await model.toSafetensors()]);
        },
      },
      evaluate: async (model, epoch) => {
        epochs.push(epoch);
        return { width: model.config.width };
      },
    });
    expect(epochs).toEqual([0, 1, 2]);
    expect(history.epochs.map(({ metrics }) => metrics)).toEqual([{ width: 8 }, { width: 8 }, { width: 8 }]);
    expect(kept.map(([step]) => step)).toEqual([2, 6]);
    expect(kept[1]![1]).toEqual(await transformer.toSafetensors());
    expect(kept[0]![1]).not.toEqual(kept[1]![1]);
    transformer.dispose();
  });

  it("refuses a misspelled option", async () => {
    await expect(trainTransformer({ ...options, modle: {} } as never)).rejects.toThrow(/modle.*"model"/);
  });
});
