import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { type CodeBatch, ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { captionNats } from "../metrics/caption-nats.js";
import type { ModelParts } from "../model/model-parts.js";
import { MultimodalModel } from "../model/multimodal-model.js";
import { squareColors, squares } from "../model/squares.fixture.js";
import { drawLikeliest } from "./draw-likeliest.js";

let model: MultimodalModel;
beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  model = await MultimodalModel.train({
    ...{ ...squares(300, 1), preset: "smoke", composition: "figure-ground", seed: 1 },
    vqvae: { network: { stages: 2 } },
    transformer: { training: { steps: 300, learningRate: 1e-2 } },
  });
});
afterAll(() => model.dispose());

describe("drawLikeliest", () => {
  it("keeps of each caption's candidates the one that makes it likeliest, the first of equal ones", async () => {
    const codes: CodeBatch = { data: Int32Array.of(0, 1, 2, 3, 4, 5), count: 6, height: 1, width: 1 };
    const decoded: CodeBatch[] = [];
    const parts = {
      tokenizer: model.tokenizer,
      vqvae: { decode: async (chosen: CodeBatch) => void decoded.push(chosen) },
    } as unknown as ModelParts;
    await drawLikeliest(parts, ["a", "b"], {
      candidates: 3,
      drawCodes: async (captions) => {
        expect(captions).toEqual(["a", "a", "a", "b", "b", "b"]);
        return codes;
      },
      captionNats: async ({ captions }) => captions.map((_, i) => [5, 2, 2, 1, 4, 0.5][i]!),
    });
    expect(decoded).toEqual([{ ...codes, data: Int32Array.of(1, 5), count: 2 }]);
  });
});

describe("draw with candidates", () => {
  const { captions, images } = squares(40, 2);

  it("shows what captions say more often", async () => {
    const rightOf = async (candidates: number) => {
      // Hot enough that the model often draws something else.
      const drawn = await model.draw(captions, { candidates, temperature: 1.6, topP: 1, seed: 3 });
      expect(drawn.count).toBe(40);
      const shown = squareColors(drawn).map(([figure, ground]) => `a ${figure} square on ${ground}`);
      return shown.filter((caption, i) => caption === captions[i]).length;
    };
    const [one, eight] = [await rightOf(1), await rightOf(8)];
    expect(one).toBeLessThan(36);
    // A chance of failure for each of eight candidates; fewer than half of those that failed still may.
    expect(40 - eight).toBeLessThan((40 - one) / 2);
  });

  it("draws as without them where there is one, and the same again from the same seed", async () => {
    const some = captions.slice(0, 3);
    expect(await model.draw(some, { candidates: 1, seed: 1 })).toEqual(await model.draw(some, { seed: 1 }));
    const options = { candidates: 3, count: 2, seed: 1 };
    const drawn = await model.draw(some, options);
    expect(drawn.count).toBe(6);
    expect(await model.draw(some, options)).toEqual(drawn);
  });

  it("scores captions as score does", async () => {
    const codes = await model.vqvae.encode(images);
    const before = tf.memory().numTensors;
    const nats = await captionNats(model, { codes, captions }, { batchSize: 7 });
    expect(tf.memory().numTensors).toBe(before);
    const { byOrder } = await model.score({ images, captions });
    const mean = nats.reduce((sum, each) => sum + each, 0) / nats.length;
    // float32 sums of about ten terms.
    expect(mean).toBeCloseTo(byOrder!["image-first"].byModality.text!.natsPerSequence, 3);
  });

  it("refuses what is no number of candidates, and models without captions", async () => {
    for (const candidates of [0, 1.5, "2", 2 ** 20]) {
      await expect(model.draw(["a red square on blue"], { candidates: candidates as never })).rejects.toThrow(
        "candidates",
      );
    }
    const labels = images.data.subarray(0, 40).map((_, i) => i % 2);
    using classes = await MultimodalModel.train({
      ...{ images, classes: { labels, names: ["even", "odd"] }, preset: "smoke", seed: 1 },
      ...{ vqvae: { training: { steps: 2 } }, transformer: { training: { steps: 2 } } },
    });
    await expect(classes.draw(["odd"], { candidates: 2 })).rejects.toThrow(ConfigError);
  });
});
