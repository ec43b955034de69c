import { beginRun, describeRunData } from "@mmgen/example-common";
import { evaluateLines } from "./evaluate.js";
import { writeLogos } from "./images.js";
import { lineTokenizer } from "./letters.js";
import { readPreparedLines } from "./prepared-lines.js";
import type { RunMetrics } from "./run-metrics.js";
import { finish, learnLines, type Run } from "./run-stages.js";
import { checkpointSteps } from "./train-lines.js";

/** Trains and evaluates the GPT alone, on lines that were prepared elsewhere. */
export async function runFromLines(run: Run, path: string): Promise<RunMetrics> {
  const { checkpoints, narrator, settings, signal, write } = run;
  const { config, seed } = settings;
  narrator.stage("Data");
  const tokenizer = lineTokenizer(config.tokenizer.codebookSize, config.tokenizer.chunks);
  const { train, validation, source } = await readPreparedLines(path, tokenizer);
  await beginRun(run, describeRunData(source, [train.codes.data, train.captions]));
  const transformer = await learnLines(run, tokenizer, train, validation);
  narrator.stage("Evaluation");
  const steps = checkpointSteps(config.transformer);
  const evaluation = await evaluateLines({ tokenizer, checkpoints, steps, heldOut: validation, seed, signal });
  narrator.stage("Images");
  return finish(run, {
    source,
    evaluatedOn: "validation lines",
    evaluation,
    histories: { transformer },
    images: { logos: await writeLogos(write, tokenizer, train) },
  });
}
