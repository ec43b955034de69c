import { ConfigError, checkNumber } from "@mmgen/core";
import {
  type DiffusionSamplerConfig,
  type DiffusionSamplerOptions,
  type KernelConfig,
  type KernelOptions,
  resolveDiffusionSampler,
  resolveKernel,
} from "@mmgen/samplers";
import { checkFields } from "../model/check-arguments.js";

/**
 * How a model writes its sequences: `autoregressive`, one id after the other, or `diffusion`, all places at once, in
 * rounds.
 */
export type ModelFamily = "autoregressive" | "diffusion";

/** Names of the families. */
export const modelFamilies = ["autoregressive", "diffusion"] as const satisfies readonly ModelFamily[];

/** What of a row of a batch is corrupted, and predicted, as shares relative to their sum. */
export interface DiffusionTasks {
  /** The text is known, the image is corrupted. Default 0.4; 0 for images alone. */
  readonly imageGivenText?: number | undefined;
  /** The image is known, the text is corrupted. Default 0.2; 0 for images alone. */
  readonly textGivenImage?: number | undefined;
  /** Both are corrupted. Default 0.3; all for images alone. */
  readonly both?: number | undefined;
  /** Null tokens stand for the text, the image is corrupted, so that `guidance` can be used. Default 0.1; 0 for images alone. */
  readonly imageAlone?: number | undefined;
}

/** What is special to a model of the family `diffusion`. */
export interface DiffusionOptions {
  /** How sequences are corrupted in training, and what the loss is. Default `{ type: "absorbing" }`. */
  readonly kernel?: KernelOptions | undefined;
  /**
   * How sequences are found, where a call does not say. Default: `confidence` in 16 rounds for kernels that only mask,
   * `chain` for kernel `chain`, else `ancestral`.
   */
  readonly sampler?: DiffusionSamplerOptions | undefined;
  /** Shares of what a model learns to find. Default: see {@link DiffusionTasks}. */
  readonly tasks?: DiffusionTasks | undefined;
}

/** How a model of the family `diffusion` was trained, and how it is sampled where a call does not say. Plain JSON. */
export interface DiffusionSettings {
  readonly kernel: KernelConfig;
  readonly sampler: DiffusionSamplerConfig;
}

/** {@link DiffusionOptions} with every default filled in; plain JSON. */
export interface DiffusionConfig extends DiffusionSettings {
  readonly tasks: TaskShares;
}

/** A share of each task, relative to their sum. */
export type TaskShares = Readonly<Record<DiffusionTask, number>>;

/** What of a row is corrupted. */
export type DiffusionTask = keyof DiffusionTasks;

/** Names of the tasks. */
export const taskNames = ["imageGivenText", "textGivenImage", "both", "imageAlone"] as const;

const defaultShares: TaskShares = { imageGivenText: 0.4, textGivenImage: 0.2, both: 0.3, imageAlone: 0.1 };

/** What sequences of a tokenizer hold, as far as tasks depend on it. */
export interface SequenceParts {
  readonly hasText: boolean;
  /** Whether there is a null token. */
  readonly hasNull: boolean;
}

/**
 * Validates the options of the family `diffusion` and fills in the defaults.
 *
 * @throws a {@link ConfigError} for an unknown field, a sampler that does not fit the kernel, or shares that cannot be.
 */
export function resolveDiffusion(options: DiffusionOptions = {}, parts: SequenceParts): DiffusionConfig {
  checkFields("diffusion", options, ["kernel", "sampler", "tasks"]);
  const { tasks, ...settings } = options;
  return { ...resolveDiffusionSettings(settings), tasks: taskShares(tasks, parts) };
}

/**
 * Validates kernel and sampler and fills in the defaults.
 *
 * @throws a {@link ConfigError} for an unknown field, or a sampler that does not fit the kernel.
 */
export function resolveDiffusionSettings(
  settings: Omit<DiffusionOptions, "tasks"> = {},
  { path = "diffusion" } = {},
): DiffusionSettings {
  checkFields(path, settings, ["kernel", "sampler"]);
  const kernel = resolveKernel(settings.kernel ?? { type: "absorbing" }, { path: `${path}.kernel` });
  const sampler = settings.sampler ?? defaultSampler(kernel);
  return { kernel, sampler: resolveDiffusionSampler(sampler, kernel, { path: `${path}.sampler` }) };
}

function defaultSampler(kernel: KernelConfig): DiffusionSamplerOptions {
  if ("steps" in kernel) {
    return { type: "ancestral", rounds: Math.min(64, kernel.steps) };
  }
  return kernel.type === "chain" ? { type: "chain" } : { type: "confidence", rounds: 16 };
}

function taskShares(tasks: DiffusionTasks = {}, { hasNull, hasText }: SequenceParts): TaskShares {
  checkFields("diffusion.tasks", tasks, taskNames);
  const withText = hasNull ? defaultShares : { ...defaultShares, imageAlone: 0 };
  const defaults = hasText ? withText : { imageGivenText: 0, textGivenImage: 0, both: 1, imageAlone: 0 };
  const given = taskNames.map((name) => [name, tasks[name] ?? defaults[name]] as const);
  for (const [name, share] of given) {
    checkNumber(`diffusion.tasks.${name}`, share, { min: 0 });
    if (!hasText && name !== "both" && share > 0) {
      throw new ConfigError(`diffusion.tasks.${name}: images alone have no text; leave it out.`);
    }
  }
  if (!hasNull && hasText && tasks.imageAlone) {
    throw new ConfigError(
      "diffusion.tasks.imageAlone: needs a tokenizer with nullToken: true, which stands for the text.",
    );
  }
  if (given.every(([, share]) => share === 0)) {
    throw new ConfigError("diffusion.tasks: expected at least one share above 0, got none.");
  }
  return Object.fromEntries(given) as Record<DiffusionTask, number>;
}
