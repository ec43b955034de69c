import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { avatarAttribution, readImages } from "@mmgen/datasets/node";
import {
  addComputeOptions,
  addRunOptions,
  addSamplingOptions,
  type ComputeFlags,
  checkDrawnCount,
  checkpointsOption,
  type FlagsOf,
  fromCaller,
  interruptSignal,
  ProgressReporter,
  positiveNumber,
  RunFolder,
  runCommand,
  type SamplingFlags,
  startRun,
  wholeNumber,
} from "@mmgen/example-harness";
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { Command, Option } from "commander";
import { type BackendChoice, backendChoices, type OnnxDevice, onnxDevices, selectBackend } from "mmgen/node";
import { type RunSettings, runs, sampledAs } from "./config.js";
import { describeData, loadData } from "./data.js";
import {
  drawCodes,
  type KeptPart,
  keptCount,
  keptParts,
  loadModels,
  nothingKept,
  type SamplerName,
  samplerNames,
} from "./generate.js";
import { command, evaluateRun, runPipeline } from "./pipeline.js";
import { drawCompletions, repeatCodes, samplerTitles } from "./plots.js";
import { formatMetrics, summarize } from "./report.js";

const exampleFolder = fileURLToPath(new URL("..", import.meta.url));
const compute = { backends: backendChoices, devices: onnxDevices };
const startBackend = ({ backend, device, replay }: ComputeFlags): Promise<string> =>
  selectBackend(backend as BackendChoice, device as OnnxDevice, { replay });

const program = new Command(`${command} --`).exitOverride().enablePositionalOptions();
program
  .description("Trains an image tokenizer and transformers on images of faces, then completes and generates images.")
  .action(start);
addRunOptions(program, {
  runs,
  dataDir: "your own images, for --data folder",
  ...compute,
});

const ofModels = (name: string) =>
  addSamplingOptions(addComputeOptions(program.command(name), compute))
    .addOption(checkpointsOption())
    .exitOverride();
const ofDrawing = (name: string, { count, out }: { readonly count: number; readonly out: string }) =>
  ofModels(name)
    .option("--count <number>", "images to draw, 1 to 1000", wholeNumber, count)
    .option("--out <file>", "PNG to write", out)
    .addOption(new Option("--sampler <name>", "what draws").choices(samplerNames).default("sequential"))
    .option("--seed <number>", "seed of the draws", wholeNumber, 1);

ofDrawing("generate", { count: 16, out: "generated.png" })
  .description("draws new images, as a PNG grid")
  .action(generate);
ofDrawing("complete", { count: 5, out: "completed.png" })
  .description("completes the beginning of an image several times")
  .argument("<file>", "PNG of the model's size")
  .addOption(new Option("--keep <part>", "what is kept of the image").choices(keptParts).default("half"))
  .action(complete);
ofModels("evaluate")
  .description("computes every metric of a run again, from its checkpoints")
  .option("--data-dir <dir>", "folder with the images that the run was given (default: the run's)")
  .option("--samples <number>", "samples to measure (default: the run's)", positiveNumber)
  .option("--seed <number>", "seed of the draws (default: the run's)", wholeNumber)
  .action(evaluate);

await runCommand(async () => {
  await program.parseAsync(process.argv.slice(2), { from: "user" });
});

function start(flags: FlagsOf<typeof runs>): Promise<void> {
  return startRun(flags, {
    ...{ command, folder: exampleFolder, runs, pipeline: runPipeline, loadMpi: () => import("@mmgen/mpi") },
    startBackend,
    summarize: (metrics, { results }) => summarize(metrics, join(results, "report.html")),
  });
}

interface DrawFlags extends SamplingFlags, ComputeFlags {
  readonly count: number;
  readonly out: string;
  readonly checkpoints?: string;
  readonly seed: number;
  readonly sampler: SamplerName;
}

async function openRun(flags: DrawFlags) {
  checkDrawnCount(flags.count);
  const folder = new RunFolder(flags.checkpoints, exampleFolder, command);
  const { config, data } = await runs.readSettings(folder);
  process.stderr.write(`Backend: ${await startBackend(flags)}.\n`);
  const models = await folder.load((read) => loadModels(read, config));
  const { seed } = flags;
  return {
    data,
    models,
    drawing: { sampling: sampledAs(config.sampling, flags), seed, signal: interruptSignal().signal },
  };
}

async function generate(flags: DrawFlags): Promise<void> {
  const { data, drawing, models } = await openRun(flags);
  const codes = await drawCodes(models, flags.sampler, nothingKept(models.tokenizer, flags.count), drawing);
  const images = await models.tokenizer.decode(codes);
  const svg = imageGrid({ images, title: samplerTitles[flags.sampler], subtitle: `seed ${flags.seed}` });
  await write(flags.out, svg, data);
}

async function complete(file: string, flags: DrawFlags & { readonly keep: KeptPart }): Promise<void> {
  const { data, drawing, models } = await openRun(flags);
  const { tokenizer } = models;
  const images = await readImages([fromCaller(file)], tokenizer.imageShape);
  const codes = await tokenizer.encode(images);
  const kept = keptCount(tokenizer.codeGrid, flags.keep);
  const beginning = { codes: repeatCodes(codes, flags.count), kept };
  const completed = await drawCodes(models, flags.sampler, beginning, drawing);
  const title = `Completed: ${samplerTitles[flags.sampler]}`;
  const svg = await drawCompletions(tokenizer, { images, codes, kept, completed: { "": completed }, title });
  await write(flags.out, svg, data);
}

async function write(out: string, svg: string, data: RunSettings["data"]): Promise<void> {
  const path = fromCaller(out);
  await writePng(path, svg);
  process.stderr.write(`Wrote ${path}\n${data === "avatars" ? `${avatarAttribution}\n` : ""}`);
}

interface EvaluateFlags extends SamplingFlags, ComputeFlags {
  readonly checkpoints?: string;
  readonly dataDir?: string;
  readonly samples?: number;
  readonly seed?: number;
}

async function evaluate({ checkpoints, ...flags }: EvaluateFlags): Promise<void> {
  const folder = new RunFolder(checkpoints, exampleFolder, command);
  const { config, ...settings } = await runs.readSettings(folder);
  const { signal } = interruptSignal();
  const progress = new ProgressReporter();
  progress.log(`Backend: ${await startBackend(flags)}.`);
  const dataDir = flags.dataDir ?? (await folder.dataDir());
  const data = await loadData({ ...settings, config }, { dataDir, log: progress.log, signal });
  await folder.checkData(describeData(data));
  const changed = {
    ...config,
    sampling: sampledAs(config.sampling, flags),
    evaluation: { ...config.evaluation, samples: flags.samples ?? config.evaluation.samples },
  };
  const seed = flags.seed ?? settings.seed;
  const metrics = await evaluateRun(folder, { data, config: changed, progress, seed, signal });
  progress.endStage();
  const path = await folder.writeResult("evaluation.json", { source: data.source, seed, ...metrics });
  process.stdout.write(`${formatMetrics(metrics, [["data", data.source]])}\n`);
  progress.log(`Wrote ${path}`);
}
