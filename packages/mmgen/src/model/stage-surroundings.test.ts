import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { sliceImages } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "./multimodal-model.js";
import { pairMethods } from "./pair-methods.js";
import { tinyTraining } from "./tiny-training.fixture.js";
import type { PartsInTraining, StageName } from "./train-options.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

describe("observers of a training", () => {
  const held = sliceImages(tinyTraining.heldOut.images, 0, 2);
  const [caption] = tinyTraining.captions;

  it("look at the parts as they train, and change nothing of the model that comes of it", async () => {
    const seen: Record<string, unknown[]> = {};
    const look = async (stage: StageName, { tokenizer, transformer, vqvae }: PartsInTraining) => {
      const reconstructed = await vqvae.reconstruct(held);
      const drawn =
        transformer && (await pairMethods({ tokenizer, transformer, vqvae }).draw([caption!], { seed: 1, topK: 1 }));
      seen[stage] = [...(seen[stage] ?? []), [reconstructed, drawn]];
    };
    const before = tf.memory().numTensors;
    const watched = await MultimodalModel.train({
      ...tinyTraining,
      observers: (stage, parts) => [{ onStep: () => look(stage, parts) }],
    });
    const alone = await MultimodalModel.train(tinyTraining);
    expect(Object.entries(seen).map(([stage, looks]) => [stage, looks.length])).toEqual([
      ["vqvae", 5],
      ["transformer", 5],
    ]);
    const last = [await watched.reconstruct(held), await watched.draw([caption!], { seed: 1, topK: 1 })];
    expect(seen.transformer!.at(-1)).toEqual(last);
    expect(seen.vqvae!.at(-1)).toEqual([last[0], undefined]);
    expect(seen.vqvae![0]).not.toEqual(seen.vqvae!.at(-1));
    expect(await watched.save()).toEqual(await alone.save());
    watched.dispose();
    alone.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
