import {
  CheckpointError,
  describeValue,
  type RandomState,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from "@mmgen/core";
import { assignSafetensors, type TensorTrainable } from "@mmgen/nn";
import type { TrainingHistory } from "../observers/training-observer.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import type { WeightAverage } from "../optimizers/weight-average.js";
import type { AveragedBuffers } from "./averaged-buffers.js";
import type { BestWeights } from "./best-weights.js";
import { compareConfigurations, type RunConfigurations } from "./compare-configurations.js";
import { upgradeTensors } from "./legacy-state.js";
import { packSteps, unpackSteps } from "./step-table.js";
import { checkChecksum, checksumOf, parseRun } from "./stored-run.js";
import { modelVariables, storeVariables } from "./stored-variables.js";

/** The state of a run, but for its tensors. */
export interface TrainingProgress extends RunConfigurations {
  readonly step: number;
  readonly random: RandomState;
  readonly history: TrainingHistory;
  /** Id of the run that all its files share. */
  readonly runId?: string | undefined;
}

/** The parts of a run that hold tensors. */
export interface TrainingParts {
  readonly model: TensorTrainable<never>;
  readonly optimizer: Optimizer;
  /** Of the parameters of the model's adversary, where it has one. */
  readonly adversary?: Optimizer | undefined;
  readonly average?: WeightAverage | undefined;
  /** Of a model with averaged weights. */
  readonly buffers?: AveragedBuffers | undefined;
  readonly best?: BestWeights | undefined;
}

const format = "mmgen.training";
const version = "1";

/**
 * Writes everything that a run needs to continue as one safetensors file: parameters, buffers, optimizer state, those of an
 * adversary, averaged and best weights, step, random state, configuration and history. Reads.
 */
export async function writeTrainingState(parts: TrainingParts, progress: TrainingProgress): Promise<Uint8Array> {
  const { model, optimizer, adversary, average, buffers, best } = parts;
  const { columns, table, weights } = packSteps(progress.history.steps);
  const moments = await momentsOf(optimizer, "optimizer.");
  const adversaryMoments = adversary === undefined ? [] : await momentsOf(adversary, "adversaryOptimizer.");
  const tensors = new Map<string, StoredTensor>([
    ["history.steps", table],
    ...(weights ? [["history.weights", weights] as const] : []),
    ...(await storeVariables(modelVariables(model))),
    ...moments,
    ...adversaryMoments,
    ...((await average?.toArrays()) ?? []),
    ...((await buffers?.toArrays()) ?? []),
    ...(best?.toArrays() ?? []),
  ]);
  const run = JSON.stringify({
    step: progress.step,
    optimizerSteps: optimizer.steps,
    random: progress.random,
    settings: progress.settings,
    configuration: progress.configuration,
    columns,
    epochs: progress.history.epochs,
    ...(progress.runId !== undefined && { runId: progress.runId }),
  });
  return writeSafetensors({ tensors, metadata: { format, version, run, checksum: checksumOf(run, tensors) } });
}

async function momentsOf(optimizer: Optimizer, prefix: string): Promise<[string, StoredTensor][]> {
  return [...(await optimizer.toArrays())].map(([name, moment]) => [`${prefix}${name}`, moment]);
}

/**
 * Sets the parts of a run to a state written by {@link writeTrainingState}. On an error the model is unchanged.
 *
 * @param expected - The configurations and random state of the run that is to continue.
 * @throws a {@link CheckpointError} when the file is damaged, of another kind or model, or of a run with other settings.
 */
export function restoreTrainingState(
  bytes: Uint8Array,
  { model, optimizer, adversary, average, buffers, best }: TrainingParts,
  expected: RunConfigurations & Pick<TrainingProgress, "random" | "runId">,
): Pick<TrainingProgress, "history"> {
  const { tensors: stored, metadata } = readSafetensors(bytes);
  if (metadata.format !== format || metadata.version !== version) {
    throw new CheckpointError(
      `Expected a training state (format ${format}, version ${version}), got ` +
        `${metadata.format === undefined ? "a safetensors file of another kind" : `${describeValue(metadata.format)}, version ${describeValue(metadata.version)}`}.`,
    );
  }
  checkChecksum(metadata, stored);
  const run = parseRun(metadata.run);
  const tensors = upgradeTensors(stored);
  if (run.runId !== undefined && expected.runId !== undefined && run.runId !== expected.runId) {
    throw new CheckpointError(
      `The training state is of another run than the files that it is to go on with: ${describeValue(run.runId)}, not ` +
        `${describeValue(expected.runId)}. Keep the files of one run together.`,
    );
  }
  compareConfigurations(run, expected);
  if (`${run.random.key}` !== `${expected.random.key}`) {
    throw new CheckpointError("The training state is of a run with another seed. Resume with the seed of that run.");
  }
  const table = tensors.get("history.steps");
  if (table === undefined) {
    throw new CheckpointError("The training state has no step history; it is damaged.");
  }
  const steps = unpackSteps({ columns: run.columns, table, weights: tensors.get("history.weights") });
  if (steps.length !== run.step) {
    throw new CheckpointError(`The training state is at step ${run.step} and lists ${steps.length}; it is damaged.`);
  }
  const withPrefix = (prefix: string) => [...tensors].filter(([name]) => name.startsWith(prefix));
  const moments = (prefix: string) =>
    new Map(withPrefix(prefix).map(([name, tensor]) => [name.slice(prefix.length), tensor] as const));
  optimizer.restore(moments("optimizer."), run.optimizerSteps);
  adversary?.restore(moments("adversaryOptimizer."), run.optimizerSteps);
  average?.restore(tensors);
  buffers?.restore(tensors);
  best?.restore(tensors, model);
  const weights = new Map([...withPrefix("model."), ...withPrefix("state."), ...withPrefix("adversary.")]);
  assignSafetensors(modelVariables(model), { tensors: weights, metadata: {} });
  return { history: { steps, epochs: run.epochs } };
}
