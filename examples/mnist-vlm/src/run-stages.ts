import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import type { RunOptions, SequenceModels } from "@mmgen/example-common";
import type { TrainingHistory, TrainingObserver } from "@mmgen/training";
import type { RunCheckpoints } from "./checkpoints.js";
import type { LineEvaluation } from "./evaluate.js";
import { type WriteImage, writeLineImages } from "./images.js";
import type { LetterPairs } from "./letters.js";
import { type RunImages, writeReport } from "./report.js";
import type { RunMetrics } from "./run-metrics.js";
import type { RunSettings } from "./settings.js";
import { trainLines } from "./train-lines.js";

/** What the steps of a run hand on. */
export interface Run extends RunOptions<RunSettings> {
  readonly checkpoints: RunCheckpoints;
  readonly write: WriteImage;
}

/** Trains the GPT on a run's pairs. */
export async function learnLines(
  run: Run,
  tokenizer: SequenceModels["tokenizer"],
  train: LetterPairs,
  validation: LetterPairs,
): Promise<TrainingHistory> {
  const { checkpoints, narrator, settings, signal } = run;
  narrator.stage("Lines");
  await checkpoints.write("tokenizer", `${JSON.stringify(tokenizer, null, 2)}\n`);
  const { transformer, history } = await trainLines({
    config: settings.config.transformer,
    ...{ tokenizer, train, validation, seed: settings.seed, checkpoints, signal },
    observers: observersOf(run, "lines"),
  });
  transformer.dispose();
  return history;
}

/** The narrator's observers of a training and the run's own. */
export function observersOf({ narrator, observers }: Run, name: string): TrainingObserver[] {
  return [...narrator.observers(name), ...observers];
}

/** What a run has when all is measured. */
type Results = Pick<RunMetrics, "source" | "evaluatedOn" | "histories" | "imageMetrics"> & {
  readonly evaluation: LineEvaluation;
  readonly images: Pick<RunImages, "logos" | "reconstructions" | "latents" | "generated">;
};

/** Writes what is left to write, and gives the figures. */
export async function finish(run: Run, { evaluation, images, ...results }: Results): Promise<RunMetrics> {
  const { backend, folders, narrator, resume: resumed, settings, write } = run;
  const written = { ...(await writeLineImages(write, evaluation, results)), ...images };
  narrator.endStage();
  const metrics: RunMetrics = { settings, backend, ...results, ...evaluation, resumed, seconds: narrator.seconds };
  await writeFileAtomic(join(folders.results, "metrics.json"), `${JSON.stringify(metrics, null, 2)}\n`);
  await writeReport(folders, metrics, written);
  return metrics;
}
