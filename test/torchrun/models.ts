// `write FOLDER` makes a model, images with captions, and transformers of every kind with their logits; `check FOLDER` compares
// what train.py made with the one model that this project has.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useOnnx } from "@mmgen/backend-onnx";
import { type ImageBatch, Random, readSafetensors, writeSafetensors } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { TinyTransformer, type TransformerOptions } from "@mmgen/tiny-transformer";
import { evaluateLoss, imageExamples } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { MultimodalModel } from "mmgen";
import { loadFrom, saveTo } from "mmgen/node";
import { readTrained } from "../../examples/torchrun/src/read.js";
import { loadImages } from "../../examples/torchrun/src/write.js";

const [command, folder] = process.argv.slice(2) as [string, string];
const count = 48;
const side = 8;
const captions = Array.from(
  { length: count },
  (_, i) => `a ${["red", "blue", "old"][i % 3]} thing${i % 2 ? "" : " here"}`,
);

/** Every part of a transformer that a configuration can change. */
const kinds: Record<string, Partial<TransformerOptions>> = {
  learned: {},
  sinusoidal: { positions: "sinusoidal", bias: false },
  rotary: { positions: "rotary", feedForward: "swiglu", normalization: "rms", queryKeyNorm: true },
  plane: { positions: "rotary-2d", grid: { height: 2, width: 3, start: 1 }, causal: false, feedForwardWidth: 24 },
  tied: { tiedWeights: true, gelu: "tanh" },
};

await useOnnx();
if (command === "write") {
  const random = Random.fromSeed(1);
  const network = { hiddenChannels: 8, stages: 2, normalization: "group" } as const;
  const vqvae = VqVae.create(
    { imageSide: side, network, quantizer: { codebookSize: 16, codeDimension: 4, deadCodeThreshold: 0 } },
    { random },
  );
  const { codebookSize, codeGrid, imageShape } = vqvae;
  const data = Uint8Array.from({ length: count * side * side * 3 }, () => random.integer(4));
  const images: ImageBatch = { data, count, ...imageShape };
  await vqvae.initialize(images, random);
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize, codeGrid });
  const { sequenceLength: contextLength, vocabularySize } = tokenizer;
  const sizes = { vocabularySize, contextLength, width: 32, heads: 2, layers: 2 };
  const transformer = TinyTransformer.create(sizes, { random });
  await saveTo(join(folder, "model"), MultimodalModel.fromParts({ vqvae, tokenizer, transformer }, { topP: 0.95 }));
  const lines: string[] = [];
  for (const [i, text] of captions.entries()) {
    const name = `${String(i).padStart(2, "0")}.png`;
    await writePng(join(folder, "images", name), imagePixels(images, i));
    lines.push(JSON.stringify({ file_name: name, text }));
  }
  writeFileSync(join(folder, "images", "metadata.jsonl"), lines.join("\n"));
  await writeLogits();
} else {
  await check();
}

/** Models whose weights are far from their first values, which would hide what is missing. */
async function writeLogits(): Promise<void> {
  const length = 9;
  mkdirSync(join(folder, "kinds"));
  for (const [name, changes] of Object.entries(kinds)) {
    const random = Random.fromSeed(2);
    const sizes = { vocabularySize: 11, contextLength: length, width: 16, heads: 2, layers: 2 };
    const drawn = TinyTransformer.create({ ...sizes, ...changes }, { random });
    const { metadata, tensors } = readSafetensors(await drawn.toSafetensors());
    const moved = new Map(
      [...tensors].map(([name, tensor]) => {
        const data = tensor.data.map((value) => value + random.normal() * 0.2) as Float32Array;
        return [name, { ...tensor, data }] as const;
      }),
    );
    const file = writeSafetensors({ metadata, tensors: moved as typeof tensors });
    const model = TinyTransformer.fromSafetensors(file);
    const ids = { data: Int32Array.from({ length: 3 * length }, () => random.integer(11)), count: 3, length };
    const expected = new Map([
      ["ids", { dtype: "int32", shape: [3, length], data: ids.data }],
      ["logits", { dtype: "float32", shape: [3, length, 11], data: await model.logits(ids) }],
    ] as const);
    writeFileSync(join(folder, "kinds", `${name}.safetensors`), file);
    writeFileSync(join(folder, "kinds", `${name}.expected`), writeSafetensors({ metadata: {}, tensors: expected }));
  }
}

async function check(): Promise<void> {
  using base = await loadFrom(join(folder, "model"));
  const { loss, model, trainedLoss } = await readTrained(join(folder, "two"), base);
  assert(trainedLoss !== undefined);
  const { losses } = JSON.parse(readFileSync(join(folder, "two", "history.json"), "utf8"));
  // Float32, summed by two programs.
  assert(Math.abs(loss - trainedLoss) < 1e-4, `loss ${loss} here, ${trainedLoss} in PyTorch`);
  assert(loss < losses[0] - 0.1, `${losses[0]} at first, ${loss} after training`);
  const drawn = await model.draw(["a red thing here"], { seed: 1 });
  assert.deepEqual([drawn.count, drawn.height, drawn.width], [1, side, side]);
  const [caption] = await model.caption(drawn);
  assert.match(caption!, /^a \w+ thing/);
  console.log(
    `loss ${loss.toFixed(6)} here, ${trainedLoss.toFixed(6)} there; drew an image and captioned it: ${caption}`,
  );
  const codec = join(folder, "codec-two", "trained.safetensors");
  try {
    readFileSync(codec);
  } catch {
    return;
  }
  const { images } = await loadImages(join(folder, "images"), base.vqvae.imageShape, () => {});
  const examples = imageExamples(images);
  const lossOf = async (name: string) => {
    using vqvae = VqVae.fromSafetensors(readFileSync(join(folder, "codec-two", name)));
    return (await evaluateLoss({ model: vqvae, examples, batchSize: 16 })).loss!;
  };
  const [before, after] = [await lossOf("model.safetensors"), await lossOf("trained.safetensors")];
  assert(after < 0.95 * before, `image codec: loss ${before} at first, ${after} after training`);
  console.log(`image codec: loss ${before.toFixed(3)} at first, ${after.toFixed(3)} after training there`);
}
