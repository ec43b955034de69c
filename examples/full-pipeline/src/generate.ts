import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import {
  captionImages,
  drawCaptions,
  fromCaller,
  interruptSignal,
  readImages,
  runCommand,
  runFolders,
  type SamplingOptions,
  selectBackend,
  type TrainedModels,
} from "@mmgen/example-common";
import { imageGrid, imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { loadModels } from "./checkpoints.js";
import { exampleFolder } from "./example-folder.js";
import { type GenerateOptions, parseGenerateOptions } from "./generate-options.js";
import { readSettings } from "./settings.js";

await runCommand(async () => {
  const options = parseGenerateOptions(process.argv.slice(2));
  const backend = await selectBackend(options.backend);
  process.stderr.write(`Backend: ${backend}.\n`);
  const folders = runFolders(options.checkpoints, exampleFolder);
  const { sampling: ofRun } = (await readSettings(folders)).config;
  const models = await loadModels(folders);
  const { seed, greedy, temperature = ofRun.temperature, topP = ofRun.topP } = options;
  const sampling = { seed, topP, temperature: greedy ? 0 : temperature, signal: interruptSignal().signal };
  if (options.text !== undefined) {
    await drawText(models, options.text, options, sampling);
  } else if (options.captions !== undefined) {
    await drawFile(models, fromCaller(options.captions), fromCaller(options.outDir!), sampling);
  } else {
    await captionFiles(models, options.images!, sampling);
  }
});

/** One caption, drawn several times, as a grid. */
async function drawText(
  models: TrainedModels,
  caption: string,
  { count, out }: GenerateOptions,
  sampling: SamplingOptions,
): Promise<void> {
  const images = await drawCaptions(models, new Array<string>(count).fill(caption), sampling);
  const path = fromCaller(out);
  await writePng(path, imageGrid({ images, title: caption, subtitle: `seed ${sampling.seed}` }));
  process.stderr.write(`Wrote ${path}\n`);
}

/** Each line of a file as an image of exactly the model's size, with an index of what is what. */
async function drawFile(models: TrainedModels, file: string, folder: string, sampling: SamplingOptions): Promise<void> {
  const text = new TextDecoder().decode(await readFileBytes(file, "caption file"));
  const captions = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (captions.length === 0) {
    throw new DataError(`${file} holds no captions; expected one a line, such as "dark green eight on bright cyan".`);
  }
  const images = await drawCaptions(models, captions, sampling);
  const files = captions.map((_, index) => `${String(index).padStart(4, "0")}.png`);
  for (const [index, name] of files.entries()) {
    await writePng(join(folder, name), imagePixels(images, index));
  }
  const index = captions.map((caption, i) => ({ file: files[i], caption }));
  await writeFileAtomic(join(folder, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
  process.stderr.write(`Wrote ${files.length} images and index.json to ${folder}\n`);
}

/** A caption for each image file, as JSON lines on standard output. */
async function captionFiles(models: TrainedModels, paths: readonly string[], sampling: SamplingOptions): Promise<void> {
  const { imageSide, channels, maxValue } = models.vqvae.config;
  const shape = { height: imageSide, width: imageSide, channels, maxValue };
  const images = await readImages(paths.map(fromCaller), shape);
  const captions = await captionImages(models, images, sampling);
  for (const [i, file] of paths.entries()) {
    process.stdout.write(`${JSON.stringify({ file, caption: captions[i] })}\n`);
  }
}
