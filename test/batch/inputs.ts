// `write FOLDER` makes a model, images and captions; `check FOLDER` compares what workers made of them with one process.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useOnnx } from "@mmgen/backend-onnx";
import { type ImageBatch, Random, readSafetensors } from "@mmgen/core";
import { readImages } from "@mmgen/datasets/node";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import { MultimodalModel } from "mmgen";
import { loadFrom, saveTo } from "mmgen/node";

const [command, folder] = process.argv.slice(2) as [string, string];
const imageCount = 600;
const words = ["red", "blue", "green", "round", "small", "old"];
const captions = Array.from({ length: 150 }, (_, i) => `a ${words[i % 6]} ${words[(i * 5 + 1) % 6]} thing`);
const names = Array.from({ length: imageCount }, (_, i) => `${String(i).padStart(4, "0")}.png`);

await useOnnx();
if (command === "write") {
  const random = Random.fromSeed(1);
  const vqvae = VqVae.create({ imageSide: 32, network: { hiddenChannels: 48, stages: 3 } }, { random });
  const { codebookSize, codeGrid, imageShape } = vqvae;
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize, codeGrid });
  const { sequenceLength: contextLength, vocabularySize } = tokenizer;
  const sizes = { vocabularySize, contextLength, width: 64, heads: 4, layers: 3 };
  const transformer = TinyTransformer.create(sizes, { random });
  await saveTo(join(folder, "model"), MultimodalModel.fromParts({ vqvae, tokenizer, transformer }, { topP: 0.95 }));
  const data = Uint8Array.from({ length: imageCount * 32 * 32 * 3 }, () => random.integer(4));
  const images: ImageBatch = { data, count: imageCount, ...imageShape };
  for (const [i, name] of names.entries()) {
    await writePng(join(folder, "images", name), imagePixels(images, i));
  }
  writeFileSync(join(folder, "captions.txt"), `${captions.join("\n")}\n`);
} else {
  using model = await loadFrom(join(folder, "model"));
  const codesIn = (name: string) =>
    readSafetensors(readFileSync(join(folder, name, "codes.safetensors"))).tensors.get("codes")!;
  const { imageShape } = model.vqvae;
  const images = await readImages(
    names.map((name) => join(folder, "images", name)),
    imageShape,
  );
  const expected = await model.vqvae.encode(images);
  assert.deepEqual(codesIn("encoded").shape, [imageCount, expected.height, expected.width]);
  assert.deepEqual(codesIn("encoded").data, expected.data);
  const drawn = await model.draw(captions, { seed: 7 });
  const files = captions.map((_, i) => join(folder, "drawn", `${String(i).padStart(8, "0")}.png`));
  assert.deepEqual((await readImages(files, imageShape)).data, drawn.data);
  console.log(`${imageCount} images encoded and ${captions.length} captions drawn: no code differs from one process.`);
}
