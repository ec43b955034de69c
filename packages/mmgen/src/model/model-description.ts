import { CheckpointError, describeValue, fileBytes, parseJson } from "@mmgen/core";
import { optional, resolveOptions, text } from "@mmgen/core/options";
import type { SamplingOptions } from "@mmgen/samplers";
import { generationFields } from "../sampling/generate-pairs.js";
import type { TrainingSettings } from "../stages/run-stage.js";
import { checkFields } from "./check-arguments.js";
import type { SequenceOptions } from "./model-options.js";
import { modelFiles } from "./model-parts.js";

/** What a model's parts do not say: how it samples, and how it was trained. Plain JSON. */
export interface ModelDescription {
  readonly sampling: SamplingOptions;
  /** Absent where the model was put together from parts, or saved before this was kept. */
  readonly training?: {
    readonly seed: number;
    readonly sequences: SequenceOptions;
    readonly vqvae: TrainingSettings;
    readonly transformer: TrainingSettings;
  };
}

const format = "mmgen-model";

/**
 * The description as the file that {@link readModelDescription} reads.
 *
 * @param run - Id of the run that the model's other files name too.
 */
export function modelDescriptionFile(description: ModelDescription, run: string): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ format, version: 1, run, ...description }, null, 2)}\n`);
}

/** A {@link ModelDescription} as it was read from its file. */
export interface StoredDescription {
  readonly description: ModelDescription;
  /** Absent in files of before the first release. */
  readonly run: string | undefined;
}

/**
 * Reads a model's description.
 *
 * @param bytes - Undefined where a model has no such file: it then samples as the presets do.
 * @throws a {@link CheckpointError} when the file is damaged or of another version.
 */
export function readModelDescription(bytes: Uint8Array | undefined): StoredDescription {
  if (bytes === undefined) {
    return { description: { sampling: { temperature: 0.8, topP: 0.9 } }, run: undefined };
  }
  const { value: json, problem } = parseJson(new TextDecoder().decode(fileBytes(bytes, modelFiles.model)));
  if (problem !== undefined) {
    throw new CheckpointError(`${modelFiles.model} ${problem}; it is damaged.`);
  }
  const { format: found, version, run, ...description } = (json ?? {}) as Record<string, unknown>;
  if (found !== format || version !== 1) {
    throw new CheckpointError(
      `${modelFiles.model}: expected format "${format}" version 1, got ${describeValue(found)} version ${describeValue(version)}.`,
    );
  }
  try {
    resolveOptions(optional(text()), run, { path: `${modelFiles.model}: run` });
    checkFields(modelFiles.model, description, ["sampling", "training"]);
    checkFields(`${modelFiles.model}: sampling`, description.sampling, generationFields);
  } catch (cause) {
    throw new CheckpointError(`${(cause as Error).message} It is damaged or edited.`, { cause });
  }
  return { description: description as unknown as ModelDescription, run: run as string | undefined };
}
