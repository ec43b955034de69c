import { CheckpointError, type RandomState, readSafetensors, type StoredTensor, writeSafetensors } from "@mmgen/core";
import { assignSafetensors } from "@mmgen/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { AdamW } from "./adamw.js";
import { compareConfigurations } from "./compare-configurations.js";
import type { TensorTrainable } from "./tensor-trainable.js";
import { type EpochRecord, packSteps, type StepRecord, unpackSteps } from "./training-history.js";

/** JSON that describes how a run was set up. */
export type Configuration = Readonly<Record<string, unknown>>;

/** Where a run stands, but for the tensors. */
export interface TrainingProgress {
  readonly step: number;
  readonly random: RandomState;
  readonly configuration: Configuration;
  readonly history: { readonly steps: readonly StepRecord[]; readonly epochs: readonly EpochRecord[] };
}

const format = "mmgen.training";
const version = "1";

/**
 * Writes everything that a run needs to go on: weights, the model's other state, optimiser moments, step, random
 * state, configuration and history, as one safetensors file.
 */
export async function writeTrainingState(
  model: TensorTrainable<never>,
  optimiser: AdamW,
  progress: TrainingProgress,
): Promise<Uint8Array> {
  const { columns, table } = packSteps(progress.history.steps);
  const tensors = new Map<string, StoredTensor>([["history.steps", table]]);
  for (const [name, variable] of modelVariables(model)) {
    tensors.set(name, await storedTensor(name, variable));
  }
  for (const [name, moment] of await optimiser.toArrays()) {
    tensors.set(`optimiser.${name}`, moment);
  }
  const run = {
    step: progress.step,
    optimiserSteps: optimiser.steps,
    random: progress.random,
    configuration: progress.configuration,
    columns,
    epochs: progress.history.epochs,
  };
  return writeSafetensors({ tensors, metadata: { format, version, run: JSON.stringify(run) } });
}

/**
 * Sets model and optimiser to a state written by {@link writeTrainingState}. All is checked first; on an error the model
 * is as it was.
 *
 * @param expected - The configuration and random state of the run that wants to go on.
 * @throws a {@link CheckpointError} when the file is damaged, foreign, or of a run set up otherwise.
 */
export function restoreTrainingState(
  bytes: Uint8Array,
  model: TensorTrainable<never>,
  optimiser: AdamW,
  expected: Pick<TrainingProgress, "random" | "configuration">,
): TrainingProgress {
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata.format !== format || metadata.version !== version) {
    throw new CheckpointError(
      `Expected a training state (format ${format}, version ${version}), got ` +
        `${metadata.format === undefined ? "a safetensors file of another kind" : `${metadata.format}, version ${metadata.version}`}.`,
    );
  }
  const run = parseRun(metadata.run);
  compareConfigurations(run.configuration, expected.configuration);
  if (`${run.random.key}` !== `${expected.random.key}`) {
    throw new CheckpointError(
      "The checkpoint is of a run with another seed. Resume with the seed it was started with.",
    );
  }
  const table = tensors.get("history.steps");
  if (table === undefined) {
    throw new CheckpointError("The training state has no step history; it is damaged.");
  }
  const steps = unpackSteps(run.columns, table);
  if (steps.length !== run.step) {
    throw new CheckpointError(`The training state is at step ${run.step} and lists ${steps.length}; it is damaged.`);
  }
  const withPrefix = (prefix: string) => [...tensors].filter(([name]) => name.startsWith(prefix));
  const moments = withPrefix("optimiser.").map(([name, tensor]) => [name.slice("optimiser.".length), tensor] as const);
  optimiser.restore(new Map(moments), run.optimiserSteps);
  const weights = new Map([...withPrefix("model."), ...withPrefix("state.")]);
  assignSafetensors(modelVariables(model), { tensors: weights, metadata: {} });
  return { ...run, history: { steps, epochs: run.epochs } };
}

function modelVariables(model: TensorTrainable<never>): Map<string, tf.Variable> {
  return new Map([
    ...[...model.variables].map(([name, variable]) => [`model.${name}`, variable] as const),
    ...[...model.state].map(([name, variable]) => [`state.${name}`, variable] as const),
  ]);
}

async function storedTensor(name: string, variable: tf.Variable): Promise<StoredTensor> {
  const { dtype, shape } = variable;
  if (dtype !== "float32" && dtype !== "int32") {
    throw new CheckpointError(`${name}: a training state holds float32 and int32 variables, got ${dtype}.`);
  }
  return { dtype, shape, data: (await variable.data()) as Float32Array | Int32Array };
}

interface StoredRun {
  readonly step: number;
  readonly optimiserSteps: number;
  readonly random: RandomState;
  readonly configuration: Configuration;
  readonly columns: readonly string[];
  readonly epochs: readonly EpochRecord[];
}

function parseRun(json: string | undefined): StoredRun {
  const damaged = new CheckpointError("The training state's description of its run is missing or damaged.");
  let run: Partial<StoredRun> | null;
  try {
    run = JSON.parse(json ?? "");
  } catch {
    throw damaged;
  }
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isObject = (value: unknown) => typeof value === "object" && value !== null;
  const complete =
    isObject(run) &&
    isCount(run?.step) &&
    isCount(run?.optimiserSteps) &&
    isObject(run?.configuration) &&
    Array.isArray(run?.random?.key) &&
    Array.isArray(run?.columns) &&
    Array.isArray(run?.epochs);
  if (!complete) {
    throw damaged;
  }
  return run as StoredRun;
}
