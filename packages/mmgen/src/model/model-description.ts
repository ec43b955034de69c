import { CheckpointError, ConfigError, describeValue, fileBytes, parseJson } from "@mmgen/core";
import { fields, oneOf, optional, resolveOptions, text, value } from "@mmgen/core/options";
import type { DiffusionSamplerOptions, KernelOptions, SamplingOptions } from "@mmgen/samplers";
import { denoisingOptions } from "../diffusion/denoise-pairs.js";
import {
  type DiffusionSettings,
  modelFamilies,
  resolveDiffusionSettings,
  type TaskShares,
} from "../diffusion/diffusion-options.js";
import { generationFields } from "../sampling/generate-pairs.js";
import type { RefinementSettings } from "../stages/refine-vqvae.js";
import type { TrainingSettings } from "../stages/run-stage.js";
import { checkFields } from "./check-arguments.js";
import type { SequenceOptions } from "./model-options.js";
import { modelFiles } from "./model-parts.js";

/** What a model's parts do not say: how it samples, and how it was trained. Plain JSON. */
export interface ModelDescription {
  readonly sampling: SamplingOptions;
  /** Kernel and default sampler of the family `diffusion`; absent for the family `autoregressive`. */
  readonly diffusion?: DiffusionSettings;
  /** Absent where the model was put together from parts, or saved before this was kept. */
  readonly training?: {
    readonly seed: number;
    readonly sequences: SequenceOptions;
    /** What a model of the family `diffusion` learned to find. */
    readonly tasks?: TaskShares;
    /** Absent where the image codec is that of the model that the training went on from. */
    readonly vqvae?: TrainingSettings;
    /** Absent where the image codec was trained once. */
    readonly refinement?: RefinementSettings;
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
  const family = description.diffusion && { family: "diffusion" };
  return new TextEncoder().encode(
    `${JSON.stringify({ format, version: 1, run, ...family, ...description }, null, 2)}\n`,
  );
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
  const { format: found, version, run, family, ...description } = (json ?? {}) as Record<string, unknown>;
  if (found !== format || version !== 1) {
    throw new CheckpointError(
      `${modelFiles.model}: expected format "${format}" version 1, got ${describeValue(found)} version ${describeValue(version)}.`,
    );
  }
  try {
    resolveOptions(fields({ run: optional(text()), family: optional(oneOf(modelFamilies)) }), { run, family });
    checkFields("", description, ["sampling", "diffusion", "training"]);
    checkFields("sampling", description.sampling, generationFields);
    return {
      description: { ...(description as unknown as ModelDescription), ...diffusionIn(family, description) },
      run: run as string | undefined,
    };
  } catch (cause) {
    throw new CheckpointError(`${modelFiles.model}: ${(cause as Error).message} It is damaged or edited.`, { cause });
  }
}

/** The settings of a model of the family `diffusion`, checked; throws a `ConfigError` for what cannot be. */
function diffusionIn(
  family: unknown,
  { diffusion, sampling }: Readonly<Record<string, unknown>>,
): Pick<ModelDescription, "diffusion"> {
  if ((family === "diffusion") !== (diffusion !== undefined)) {
    const [expected, got] = family === "diffusion" ? ["with", "none"] : ["without", "some"];
    throw new ConfigError(`family: expected ${describeValue(family)} ${expected} settings of diffusion, got ${got}.`);
  }
  if (diffusion === undefined) {
    return {};
  }
  denoisingOptions(sampling as object, "sampling");
  return { diffusion: resolveDiffusionSettings(resolveOptions(settingsSchema, diffusion, { path: "diffusion" })) };
}

const isObject = (candidate: unknown) => typeof candidate === "object" && candidate !== null;
/** That a file says both; what they hold is checked beside. */
const settingsSchema = fields({
  kernel: value<KernelOptions>("a kernel", isObject),
  sampler: value<DiffusionSamplerOptions>("a sampler", isObject),
});
