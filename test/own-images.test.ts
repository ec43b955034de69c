import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { loadImageFolder } from "@mmgen/datasets/node";
import * as tf from "@tensorflow/tfjs-core";
import { trainInto } from "mmgen/node";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";

// A user's own images: from a folder of files of any size to a model that draws and captions them.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-own-"));
  registerOnnxBackend();
  await tf.setBackend("onnx");
});
afterAll(() => rm(folder, { recursive: true }));

it("trains on a folder of images with captions of different lengths, and gives their sequences back", async () => {
  const colors = ["crimson", "navy", "gold", "teal", "white", "black"];
  const rows: string[] = [];
  for (const [i, sky] of colors.entries()) {
    for (const [j, ground] of colors.entries()) {
      const file = `${i}-${j}.${["png", "jpg", "webp"][(i + j) % 3]}`;
      const below = await sharp({ create: { width: 40, height: 15, channels: 3, background: ground } })
        .png()
        .toBuffer();
      await sharp({ create: { width: 40, height: 30, channels: 3, background: sky } })
        .composite([{ input: below, left: 0, top: 15 }])
        .toFile(join(folder, file));
      const text = i === j ? `all ${sky}` : `a ${sky} sky over ${ground} ground`;
      rows.push(JSON.stringify({ file_name: file, text }));
    }
  }
  await writeFile(join(folder, "metadata.jsonl"), rows.join("\n"));
  const { train: seen, test } = await loadImageFolder({ folder, side: 8, testCount: 4, seed: 1 });
  expect([seen.images.count, test.images.count]).toEqual([32, 4]);

  using model = await trainInto(join(folder, "model"), {
    ...{ images: seen.images, captions: seen.captions, heldOut: test, preset: "smoke", seed: 2 },
    vqvae: {
      network: { hiddenChannels: 16, stages: 1 },
      quantizer: { codebookSize: 16 },
      training: { epochs: 30, batchSize: 16, learningRate: 0.01, finalLearningRate: 0.01 },
    },
    transformer: { training: { steps: 40, batchSize: 16 } },
  });
  const { transformer, vqvae } = model.history!;
  const errors = vqvae.epochs.map(({ metrics }) => metrics.meanSquaredError!);
  expect(errors.at(-1)).toBeLessThan(errors[0]! / 4);
  const losses = transformer.epochs.map(({ metrics }) => metrics.natsPerId!);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);

  const { tokenizer } = model;
  const codes = await model.vqvae.encode(test.images);
  const back = tokenizer.decode(tokenizer.encode({ codes, captions: test.captions, order: "halves" }));
  expect(back.captions).toEqual(test.captions);
  const decoded = await model.vqvae.decode(back.codes);
  expect(decoded).toMatchObject({ count: 4, height: 8, width: 8, channels: 3, maxValue: 255 });
  expect(await model.draw(test.captions, { seed: 1 })).toMatchObject({ count: 4, height: 8, width: 8, maxValue: 255 });
  const written = await model.caption(test.images);
  expect(written.every((caption) => /^(all \w+|a \w+ sky over \w+ ground)$/.test(caption))).toBe(true);
});
