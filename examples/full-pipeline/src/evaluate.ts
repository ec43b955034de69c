import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import type { CaptionedDigits } from "@mmgen/datasets";
import {
  fromCaller,
  interruptSignal,
  Narrator,
  type RunFolders,
  runCommand,
  runFolders,
  selectTrainingBackend,
} from "@mmgen/example-common";
import { attributeReader } from "./attribute-reader.js";
import { loadModels, runCheckpoints } from "./checkpoints.js";
import { loadDataAgain } from "./data.js";
import { evaluateModels } from "./evaluate-models.js";
import { type EvaluateOptions, parseEvaluateOptions } from "./evaluate-options.js";
import { exampleFolder } from "./example-folder.js";
import { type RunSettings, readSettings } from "./settings.js";
import { figureLines } from "./summary.js";

/** Training images that the run has not seen, of which there must be so many. */
const validationImages = 5000;

await runCommand(async () => {
  const options = parseEvaluateOptions(process.argv.slice(2));
  const folders = runFolders(options.checkpoints, exampleFolder);
  const settings = await readSettings(folders);
  const { signal } = interruptSignal();
  const narrator = new Narrator(folders);
  narrator.line(`Backend: ${await selectTrainingBackend(options.backend)}.`);
  const models = await loadModels(folders);
  const { train, part, source } = await loadPart(settings, folders, options, narrator.line);
  const classifier = await attributeReader(runCheckpoints(folders), {
    train,
    steps: settings.config.evaluation.classifierSteps,
    seed: settings.seed,
    observers: narrator.observers("classifier"),
    signal,
  });
  const seed = options.seed ?? settings.seed;
  const config = overlaid(settings, options);
  const codes = await models.vqvae.encode(part.images);
  const { figures } = await evaluateModels({ models, classifier, test: part, codes, config, seed, signal });
  const file = join(folders.results, options.part === "test" ? "evaluation.json" : "evaluation-validation.json");
  const content = { source, part: options.part, seed, sampling: config.sampling, ...figures };
  await writeFileAtomic(file, `${JSON.stringify(content, null, 2)}\n`);
  process.stdout.write(`${figureLines(figures, [["data", `${source}; evaluated on the ${options.part} part`]])}\n`);
  process.stderr.write(`Wrote ${file}\n`);
});

/** The run's training images, and those to evaluate on. */
async function loadPart(
  settings: RunSettings,
  folders: RunFolders,
  { dataDir, part }: EvaluateOptions,
  log: (line: string) => void,
): Promise<{ train: CaptionedDigits; part: CaptionedDigits; source: string }> {
  const folder = dataDir === undefined ? undefined : fromCaller(dataDir);
  const validationCount = part === "validation" ? validationImages : 0;
  const data = await loadDataAgain(settings, folders, { dataDir: folder, validationCount, log });
  return { train: data.train, part: data[part], source: data.source };
}

function overlaid({ config }: RunSettings, { samples, temperature, topP }: EvaluateOptions): RunSettings["config"] {
  return {
    ...config,
    sampling: { temperature: temperature ?? config.sampling.temperature, topP: topP ?? config.sampling.topP },
    evaluation: { ...config.evaluation, samples: samples ?? config.evaluation.samples },
  };
}
