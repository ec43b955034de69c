import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  addComputeOptions,
  addRunOptions,
  addSamplingOptions,
  type ComputeFlags,
  checkpointsOption,
  type FlagsOf,
  fromCaller,
  interruptSignal,
  ProgressReporter,
  positiveNumber,
  RunFolder,
  runCommand,
  type SamplingFlags,
  stageOf,
  startRun,
  wholeNumber,
} from "@mmgen/example-harness";
import * as observing from "@mmgen/training/node";
import { Command, Option } from "commander";
import { loadModelParts, modelFamilies } from "mmgen";
import { type BackendChoice, backendChoices, exportTo, type OnnxDevice, onnxDevices, selectBackend } from "mmgen/node";
import { command, type RunConfig, runs } from "./config.js";
import { describeData, loadData, loadOrTrainClassifier } from "./data.js";
import { checkGenerateOptions, familyOf, type GenerateOptions, runGenerate } from "./generate.js";
import { evaluateModels } from "./measure.js";
import { runPipeline } from "./pipeline.js";
import { formatMetrics, summarize } from "./report.js";

const exampleFolder = fileURLToPath(new URL("..", import.meta.url));
const compute = { backends: backendChoices, devices: onnxDevices };
const startBackend = ({ backend, device, replay }: ComputeFlags): Promise<string> =>
  selectBackend(backend as BackendChoice, device as OnnxDevice, { replay });

/** Training images of the validation part, which the run has not seen. */
const validationImages = 5000;

const program = new Command("npm start --").exitOverride().enablePositionalOptions();
program
  .description("Trains an image tokenizer and a transformer on captioned images, then draws, captions and invents.")
  .action(start);
addRunOptions(program, {
  runs,
  dataDir: "MNIST, the files of colored MNIST, or your own images with captions",
  ...compute,
});

program.addOption(
  new Option(
    "--family <name>",
    "how the transformer writes: one id after the other, or all at once, in rounds",
  ).choices([...modelFamilies]),
);
program.option(
  "--from <dir>",
  "go on from the models of a run, its --out folder: its image tokenizer as it is, its transformer's weights to begin with",
);

addSamplingOptions(addComputeOptions(program.command("generate"), compute))
  .description("Draws captions, or captions images, with the models that npm start trained.")
  .option("--text <caption>", 'draw this: "dark green eight on bright cyan"')
  .option("--captions <file>", "draw each line of the file, into --out-dir")
  .option("--images <file...>", "caption these images (PNG of the model's size), as JSON lines on standard output")
  .option("--count <number>", "images to draw for --text", wholeNumber, 9)
  .option("--out <file>", "PNG grid to write for --text", "generated.png")
  .option("--out-dir <dir>", "folder for --captions: 0000.png … and index.json")
  .addOption(checkpointsOption())
  .option("--seed <number>", "seed of the draws", wholeNumber, 1)
  .option("--greedy", "the same as --temperature 0", false)
  .exitOverride()
  .action(generate);

addSamplingOptions(addComputeOptions(program.command("evaluate"), compute))
  .description("Computes every metric of a run again, from its checkpoints.")
  .addOption(checkpointsOption())
  .option(
    "--data-dir <dir>",
    "folder with the images that the run was given (default: the run's, else $MMGEN_DATA_DIR)",
  )
  .addOption(
    new Option("--part <name>", "images to evaluate on: the test part, or training images the run has not seen")
      .choices(["test", "validation"])
      .default("test"),
  )
  .option("--samples <number>", "images, captions and pairs to score (default: the run's)", positiveNumber)
  .option("--seed <number>", "seed of the draws (default: the run's)", wholeNumber)
  .exitOverride()
  .action(evaluate);

addSamplingOptions(program.command("export"))
  .description("Writes the models that npm start trained as ONNX, in the folder layout of Triton and KServe.")
  .option("--out <dir>", "folder to write", "models")
  .addOption(checkpointsOption())
  .exitOverride()
  .action(exportModels);

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

async function generate(options: GenerateOptions): Promise<void> {
  checkGenerateOptions(options);
  process.stderr.write(`Backend: ${await startBackend(options)}.\n`);
  await runGenerate(options, exampleFolder);
}

interface ExportOptions extends SamplingFlags {
  readonly out: string;
  readonly checkpoints?: string;
}

async function exportModels({ checkpoints, out, temperature, topP }: ExportOptions): Promise<void> {
  const folder = new RunFolder(checkpoints, exampleFolder, command);
  const { sampling } = (await runs.readSettings(folder)).config;
  await selectBackend("onnx");
  const models = await folder.load(loadModelParts);
  const path = fromCaller(out);
  const names = await exportTo(path, models, {
    temperature: temperature ?? sampling.temperature,
    topP: topP ?? sampling.topP,
  });
  process.stderr.write(`Wrote ${names.join(", ")} and tokenizer.json to ${path}\n`);
}

interface EvaluateOptions extends SamplingFlags, ComputeFlags {
  readonly checkpoints?: string;
  readonly dataDir?: string;
  readonly part: "test" | "validation";
  readonly samples?: number;
  readonly seed?: number;
}

async function evaluate({ part, samples, temperature, topP, ...options }: EvaluateOptions): Promise<void> {
  const folder = new RunFolder(options.checkpoints, exampleFolder, command);
  const settings = await runs.readSettings(folder);
  const { signal } = interruptSignal();
  const progress = new ProgressReporter();
  progress.log(`Backend: ${await startBackend(options)}.`);
  const models = { ...(await folder.load(loadModelParts)), diffusion: familyOf(settings).diffusion };
  const dataDir = options.dataDir ?? (await folder.dataDir());
  const data = await loadData(settings, {
    dataDir: dataDir === undefined ? undefined : fromCaller(dataDir),
    validationCount: part === "validation" ? validationImages : 0,
    log: progress.log,
    signal,
  });
  await folder.checkData(describeData(data));
  const run = { settings, folder, progress, signal, observers: [] };
  const classifier = await loadOrTrainClassifier(data, { ...run, models, ...stageOf(run, "classifier", observing) });
  const seed = options.seed ?? settings.seed;
  const config: RunConfig = {
    ...settings.config,
    sampling: {
      temperature: temperature ?? settings.config.sampling.temperature,
      topP: topP ?? settings.config.sampling.topP,
    },
    evaluation: { ...settings.config.evaluation, samples: samples ?? settings.config.evaluation.samples },
  };
  const codes = await models.vqvae.encode(data[part].images);
  const { metrics } = await evaluateModels({
    ...{ models, classifier, attributes: data.attributes, test: data[part], codes, config, seed, signal },
  });
  const file = part === "test" ? "evaluation.json" : "evaluation-validation.json";
  const path = await folder.writeResult(file, {
    source: data.source,
    part,
    seed,
    sampling: config.sampling,
    ...metrics,
  });
  process.stdout.write(`${formatMetrics(metrics, [["data", `${data.source}; evaluated on the ${part} part`]])}\n`);
  process.stderr.write(`Wrote ${path}\n`);
}
