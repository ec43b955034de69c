// `write FOLDER` makes a model, its exported graphs, images and prompts; `served FOLDER FILE` compares what the client of
// docs/serving.md drew; `check FOLDER` compares what Ray made.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { useOnnx } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { rowSeeds } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import { MultimodalModel } from "mmgen";
import { exportTo, loadFrom, saveTo } from "mmgen/node";

const [command, folder, given = ""] = process.argv.slice(2) as [string, string, string?];
const captions = Array.from({ length: 20 }, (_, i) => `a ${i % 2 ? "red" : "blue"} heart`);
const count = 40;

await useOnnx();
function drawImages(): ImageBatch {
  const random = Random.fromSeed(3);
  const data = Uint8Array.from({ length: count * 8 * 8 * 3 }, () => random.integer(256));
  return { data, count, height: 8, width: 8, channels: 3, maxValue: 255 };
}

if (command === "write") {
  const random = Random.fromSeed(1);
  const network = { hiddenChannels: 8, stages: 2 };
  const quantizer = { codebookSize: 32, codeDimension: 4 };
  const vqvae = VqVae.create({ imageSide: 8, maxValue: 255, network, quantizer }, { random });
  await vqvae.initialize(drawImages(), random);
  const { codebookSize, codeGrid } = vqvae;
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize, codeGrid });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  const sizes = { vocabularySize, contextLength, width: 8, heads: 2, layers: 2 };
  const transformer = TinyTransformer.create(sizes, { random });
  using model = MultimodalModel.fromParts({ vqvae, tokenizer, transformer });
  await saveTo(join(folder, "model"), model);
  await exportTo(join(folder, "models"), model);
  const images = drawImages();
  for (let i = 0; i < count; i++) {
    await writePng(join(folder, "images", `${i}.png`), imagePixels(images, i));
  }
  const { data, length, ...prompts } = tokenizer.promptForImages(captions);
  const seeds = new Int32Array(rowSeeds(7, prompts.count).buffer);
  const lines = Array.from({ length: prompts.count }, (_, i) =>
    JSON.stringify({ row: i, prompt: [...data.subarray(i * length, (i + 1) * length)], seeds: [seeds[i]] }),
  );
  writeFileSync(join(folder, "prompts.jsonl"), lines.join("\n"));
} else if (command === "served") {
  using model = await loadFrom(join(folder, "model"));
  const drawn = JSON.parse(readFileSync(given, "utf8"));
  const expected = await model.draw(["a red heart", "a blue heart"], { seed: 1 });
  assert.deepEqual(drawn, { shape: [2, 8, 8, 3], data: [...expected.data] });
  console.log("KServe: the client's images are those of model.draw");
} else {
  using model = await loadFrom(join(folder, "model"));
  const { encoded, drawn } = JSON.parse(readFileSync(join(folder, "ray.json"), "utf8"));
  const codes = await model.vqvae.encode(drawImages());
  const size = codes.height * codes.width;
  assert.equal(encoded.length, count);
  for (const { codes: found, path } of encoded) {
    const i = Number(basename(path, ".png"));
    assert.deepEqual(found, [...codes.data.subarray(i * size, (i + 1) * size)], path);
  }
  assert.equal(drawn.length, captions.length);
  const { sequenceLength: length } = model.tokenizer;
  drawn.sort((a: { row: number }, b: { row: number }) => a.row - b.row);
  const ids = Int32Array.from(drawn.flatMap(({ ids }: { ids: number[] }) => ids));
  const images = await model.vqvae.decode(model.tokenizer.decode({ data: ids, count: drawn.length, length }).codes);
  assert.deepEqual(images.data, (await model.draw(captions, { seed: 7 })).data);
  console.log(
    `Ray Data: ${count} images have the codes of vqvae.encode, ${drawn.length} captions the images of model.draw`,
  );
}
