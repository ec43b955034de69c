import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gpt2Names, TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import { mnistVlmNames, VqVae, vqVaePresets } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";

/** Loads what PyTorch wrote and saves it again for PyTorch, into the folder given. */
const [folder, packages] = process.argv.slice(2) as [string, string];
const fixture = (path: string) => readFile(join(packages, `${path}.safetensors`));

await tf.setBackend("cpu");
await mkdir(folder, { recursive: true });
const config = { vocabularySize: 11, contextLength: 6, width: 12, heads: 3, layers: 2, tiedWeights: true };
for (const [name, bias] of [
  ["nanogpt", false],
  ["nanogpt-biases", true],
] as const) {
  const file = await fixture("tiny-transformer/fixtures/pytorch/nanogpt");
  const nanoGpt = TinyTransformer.loadPyTorch(file, { config: { ...config, bias } });
  await writeFile(join(folder, `${name}.safetensors`), await nanoGpt.savePyTorch());
}
const gpt2 = TinyTransformer.loadPyTorch(await fixture("tiny-transformer/fixtures/pytorch/gpt2"), {
  config: { ...config, gelu: "tanh" },
  names: gpt2Names,
});
await writeFile(join(folder, "gpt2.safetensors"), await gpt2.savePyTorch({ names: gpt2Names }));
const letters = VqVae.loadPyTorch(await fixture("vqvae/fixtures/pytorch/letters"), {
  config: {
    ...vqVaePresets["mnist-vlm"],
    imageSide: 6,
    network: { ...vqVaePresets["mnist-vlm"].network, hidden: [10] },
    quantizer: { ...vqVaePresets["mnist-vlm"].quantizer, chunks: 4, codeDimension: 3, codebookSize: 5 },
  },
  names: mnistVlmNames,
});
await writeFile(join(folder, "letters.safetensors"), await letters.savePyTorch({ names: mnistVlmNames }));
const images = VqVae.loadPyTorch(await fixture("vqvae/fixtures/pytorch/images"), {
  config: {
    imageSide: 8,
    maxValue: 255,
    network: {
      levels: [8, 16],
      residualBlocks: 0,
      levelBlocks: 1,
      residualFilter: 3,
      normalization: "group",
      activation: "silu",
      upsampling: "nearest",
    },
    quantizer: { codebookSize: 8, codeDimension: 4 },
  },
});
await writeFile(join(folder, "images.safetensors"), await images.savePyTorch());
