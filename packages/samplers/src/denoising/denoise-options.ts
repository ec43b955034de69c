import {
  ConfigError,
  checkTokenBatch,
  type Denoiser,
  type LegalRanges,
  ShapeError,
  type TokenBatch,
} from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  functionValue,
  optional,
  resolveOptions,
  typedArray,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { legalEntry } from "../diffusion/code-positions.js";
import { type KernelConfig, type KernelOptions, masksIds, resolveKernel } from "../diffusion/kernels.js";
import { type GuidanceScale, guidanceScaleSchema } from "../guidance/guidance-scales.js";
import { type SamplingConfig, samplingConfig, samplingEntries } from "../processors/sampling-options.js";
import { type DiffusionSamplerOptions, diffusionSamplerSchema, resolveDiffusionSampler } from "./diffusion-samplers.js";

/** State of a generation before its first round and after each. */
export interface DenoisedRound {
  /** `[rows, length]`; yours. */
  readonly ids: Int32Array;
  /** `[rows, length]`, 1 where an id is masked; yours. */
  readonly masked: Uint8Array;
  /** `[rows, length]`, 1 where an id was given; yours. */
  readonly known: Uint8Array;
  /** Number of rounds so far: 0 for the start. */
  readonly round: number;
  readonly rounds: number;
}

/** Options of `denoise`. */
export interface DenoiseOptions {
  /** A model that attends in both directions, such as `TinyTransformer` with `causal: false`. */
  readonly model: Denoiser;
  /** `[rows, length]`: known ids; what stands elsewhere is not read. Borrowed. */
  readonly ids: TokenBatch;
  /** `[length]`, or `[rows, length]`: 1 for an id that never changes; borrowed. Default: nothing is known. */
  readonly known?: Uint8Array | undefined;
  /** Legal ids at each position. Default: all but the mask. */
  readonly legal?: LegalRanges | undefined;
  /** Id of masked positions. Required by kernels that mask codes. Default: none. */
  readonly maskId?: number | undefined;
  /** What the model was trained with. */
  readonly kernel: KernelOptions;
  /** How ids are found, round by round. Default: `{ type: "ancestral" }`, and `{ type: "chain" }` for kernel "chain". */
  readonly sampler?: DiffusionSamplerOptions | undefined;
  /** Divides the logits; 0 takes the most likely id. Default: 1. */
  readonly temperature?: number | undefined;
  /** Keeps logits at least as large as the k-th largest. Default: all. */
  readonly topK?: number | undefined;
  /** Keeps the smallest set of most likely ids whose probabilities sum to at least p. Default: all. */
  readonly topP?: number | undefined;
  /**
   * Classifier-free guidance: log p = log p without + scale · (log p with − log p without). `ids`, `[rows, length]`, are
   * as the other ones, without the condition. Default: none.
   */
  readonly guidance?: { readonly ids: TokenBatch; readonly scale: GuidanceScale } | undefined;
  /** Base seed, from which `rowSeeds` derives the seeds of the rows. This or `seeds` is required. Default: none. */
  readonly seed?: number | undefined;
  /** One seed per row, unsigned 32-bit. Default: none. */
  readonly seeds?: Uint32Array | undefined;
  /** Receives the state before the first round and after each; awaited. Default: none. */
  readonly onRound?: ((state: DenoisedRound) => void | Promise<void>) | undefined;
  /** Aborts with an `AbortedError` after the current round, in a native run after the current block of rows. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const isObject = (candidate: unknown) => typeof candidate === "object" && candidate !== null;
const tokens = value<TokenBatch>("a batch of ids", isObject);
const isCount = (candidate: unknown) => Number.isSafeInteger(candidate) && (candidate as number) >= 1;

const denoiseSchema = fields({
  model: value<Denoiser>("a model with logits and vocabularySize", (model) => {
    const { logits, vocabularySize } = (model ?? {}) as Partial<Denoiser>;
    return typeof logits === "function" && isCount(vocabularySize);
  }),
  ids: tokens,
  known: optional(typedArray<Uint8Array>("Uint8Array")),
  legal: legalEntry,
  maskId: optional(wholeNumber({ min: 0 })),
  kernel: value<KernelOptions>('a kernel, such as { type: "absorbing" }', isObject),
  sampler: optional(diffusionSamplerSchema),
  temperature: samplingEntries.temperature,
  topK: samplingEntries.topK,
  topP: samplingEntries.topP,
  guidance: optional(fields({ ids: tokens, scale: guidanceScaleSchema })),
  seed: optional(wholeNumber()),
  seeds: optional(typedArray<Uint32Array>("Uint32Array")),
  onRound: optional(functionValue<NonNullable<DenoiseOptions["onRound"]>>()),
  signal: optional(
    value<AbortSignal>(
      "an AbortSignal",
      (signal) => typeof (signal as Partial<AbortSignal> | null)?.aborted === "boolean",
    ),
  ),
});

/** {@link DenoiseOptions} with every option checked by itself and defaults filled in. */
export type DenoiseConfig = Omit<
  ConfigOf<typeof denoiseSchema>,
  "kernel" | "sampler" | "temperature" | "topK" | "topP"
> & {
  readonly kernel: KernelConfig;
  readonly sampler: ConfigOf<typeof diffusionSamplerSchema>;
  readonly sampling: SamplingConfig;
};

/**
 * Validates the options, but for what stands in `ids`, and fills in the defaults.
 *
 * @throws a {@link ConfigError} naming the options that are unknown, missing, of another type, out of range, or do not
 *   fit each other; a {@link ShapeError} for guidance of another shape.
 */
export function resolveDenoise(options: DenoiseOptions): DenoiseConfig {
  const { temperature, topK, topP, ...resolved } = resolveOptions(denoiseSchema, options);
  const { ids, guidance, maskId, model } = resolved;
  const kernel = resolveKernel(resolved.kernel);
  const sampler = resolveDiffusionSampler(resolved.sampler ?? defaultSampler(kernel), kernel);
  if (masksIds(kernel) && !(maskId !== undefined && maskId < model.vocabularySize)) {
    throw new ConfigError(
      `maskId: expected an id of the vocabulary [0, ${model.vocabularySize}) for kernel "${kernel.type}", got ${maskId}.`,
    );
  }
  checkTokenBatch(ids, model.vocabularySize, "ids");
  if (guidance !== undefined) {
    checkTokenBatch(guidance.ids, model.vocabularySize, "guidance.ids");
    if (guidance.ids.count !== ids.count || guidance.ids.length !== ids.length) {
      throw new ShapeError(
        `guidance.ids: expected the shape of ids, [${ids.count}, ${ids.length}], got [${guidance.ids.count}, ${guidance.ids.length}].`,
      );
    }
  }
  const given = { temperature, topP, ...(topK !== undefined && { topK }) };
  const sampling = samplingConfig({ repetitionPenalty: 1, minP: 0, typicalP: 1, ...given }, model.vocabularySize);
  return { ...resolved, kernel, sampler, sampling };
}

function defaultSampler(kernel: KernelConfig): DiffusionSamplerOptions {
  const rounds = "steps" in kernel ? Math.min(64, kernel.steps) : 64;
  return { type: kernel.type === "chain" ? "chain" : "ancestral", rounds };
}
