import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { loadImageFolder } from "@mmgen/datasets/node";
import { reconstructionMetrics } from "@mmgen/evaluation";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { constantSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";

// The road of a user's own images through the packages: from a folder of files of any size to sequences and back.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-own-"));
  registerOnnxBackend();
  await tf.setBackend("onnx");
});
afterAll(() => rm(folder, { recursive: true }));

it("takes a folder of images with captions of different lengths to sequences, and the sequences back", async () => {
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

  const model = VqVae.create(
    {
      imageSide: 8,
      channels: 3,
      maxValue: seen.images.maxValue,
      network: { hiddenChannels: 16, stages: 1, residualBlocks: 1 },
      quantizer: { codebookSize: 16, codeDimension: 8 },
    },
    { random: Random.fromSeed(2) },
  );
  const errorOf = async () => {
    const decoded = await model.decode(await model.encode(test.images));
    return reconstructionMetrics(test.images, decoded).meanSquaredError;
  };
  const before = await errorOf();
  await train({
    model,
    examples: imageExamples(seen.images),
    batchSize: 16,
    epochs: 20,
    schedule: constantSchedule(0.01),
    random: Random.fromSeed(3),
  });
  expect(await errorOf()).toBeLessThan(before / 4);

  const captions = [...seen.captions, ...test.captions];
  const { codebookSize, codeGrid } = model;
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize, codeGrid });
  const codes = await model.encode(test.images);
  const tokens = tokenizer.encode({ codes, captions: test.captions, order: "halves" });
  const back = tokenizer.decode(tokens);
  expect(back.captions).toEqual(test.captions);
  const decoded = await model.decode(back.codes);
  expect(decoded).toMatchObject({ count: 4, height: 8, width: 8, channels: 3, maxValue: 255 });
  model.dispose();
});
