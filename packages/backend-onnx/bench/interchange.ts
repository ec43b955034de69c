import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gpt2Names, TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";

/** Loads what PyTorch wrote and saves it again for PyTorch, into the folder given. */
const [folder, packages] = process.argv.slice(2) as [string, string];
const fixture = (path: string) => readFile(join(packages, `${path}.safetensors`));

await tf.setBackend("cpu");
await mkdir(folder, { recursive: true });
const config = { vocabularySize: 11, contextLength: 6, width: 12, heads: 3, layers: 2, tiedWeights: true };
using nanoGpt = TinyTransformer.loadPyTorch(await fixture("tiny-transformer/fixtures/pytorch/nanogpt"), { config });
await writeFile(join(folder, "nanogpt.safetensors"), await nanoGpt.savePyTorch());
using gpt2 = TinyTransformer.loadPyTorch(await fixture("tiny-transformer/fixtures/pytorch/gpt2"), {
  config: { ...config, gelu: "tanh" },
  names: gpt2Names,
});
await writeFile(join(folder, "gpt2.safetensors"), await gpt2.savePyTorch({ names: gpt2Names }));
