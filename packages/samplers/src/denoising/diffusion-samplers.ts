import { ConfigError } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  number,
  type OptionsOf,
  oneOf,
  optional,
  resolveOptions,
  variant,
  variants,
  wholeNumber,
} from "@mmgen/core/options";
import { type KernelConfig, type KernelOptions, masksIds, resolveKernel } from "../diffusion/kernels.js";
import { guidanceScaleSchema, isNeutralScale } from "../guidance/guidance-scales.js";

const rounds = (count: number) => optional(wholeNumber({ min: 1, max: 100_000 }), count);
const schedule = optional(oneOf(["linear", "cosine"]), "linear");
const contextGuidance = optional(guidanceScaleSchema, 1);

/**
 * Goes back in time from all noise. A masked code stays masked from time t to s with probability s / t, else is drawn
 * for good; codes of kernels with steps are drawn from their posterior.
 */
const ancestral = variant("ancestral", {
  /** Number of model passes; 64 when absent. A kernel with steps takes at most these. */
  rounds: rounds(64),
  /** Times of the rounds: equally spaced, or by a quarter of a cosine, which reveals fewer codes in early rounds; `"linear"` when absent. */
  schedule,
  /**
   * Guidance by what a row shows already: log p = log p blank + scale · (log p − log p blank), where blank is a row all of
   * whose codes are masked. A little above 1, such as 1.35, codes of a row fit each other better, for one pass of one row a
   * generation. 1 when absent, which changes nothing.
   *
   * @see Shi et al. 2023 (context-aware decoding), https://arxiv.org/abs/2305.14739
   */
  contextGuidance,
});

/** Draws every code anew in each round. */
const chain = variant("chain", {
  /** Number of model passes; 64 when absent. */
  rounds: rounds(64),
});

/**
 * Draws all masked codes in each round and keeps the most confident ones, as many as a cosine says, at least one more in
 * each round.
 *
 * @see Chang et al. 2022 (MaskGIT), https://arxiv.org/abs/2202.04200
 */
const confidence = variant("confidence", {
  /** Number of model passes, 8 to 18 are usual; 12 when absent. */
  rounds: rounds(12),
  /** Weight of the Gumbel noise in the confidence at the start; it falls to 0 in a line. 4.5 when absent. */
  noise: optional(number({ min: 0 }), 4.5),
  /** As of `ancestral`; 1 when absent. */
  contextGuidance,
});

/**
 * Ancestral, but masks codes again: with probability min(eta, (1 − α_s) / α_t) from time t to s, where α = 1 − time.
 *
 * @see Wang et al. 2025 (ReMDM), https://arxiv.org/abs/2503.00307
 */
const remasking = variant("remasking", {
  /** Number of model passes; 64 when absent. */
  rounds: rounds(64),
  /** Greatest probability of being masked again in a round; 0.04 when absent. */
  eta: optional(number({ min: 0, max: 1 }), 0.04),
  /** As of `ancestral`; `"linear"` when absent. */
  schedule,
  /** As of `ancestral`; 1 when absent. */
  contextGuidance,
});

/**
 * Draws masked codes in the order of a Halton sequence, in which the next ones lie farther from each other than by chance:
 * codes that are drawn at once are drawn without sight of each other. A row begins at a place of its own. Each round draws as
 * many as a cosine says, at least one.
 *
 * @see Besnier et al. 2025 (Halton scheduler), https://arxiv.org/abs/2503.17076
 */
const halton = variant("halton", {
  /** Number of model passes; 8 when absent. */
  rounds: rounds(8),
  /**
   * Where codes of an image stand, row by row from position `start` on: what is far is so in two dimensions. Positions beside
   * it, such as words, are spread as a line, as all are when absent.
   */
  grid: optional(
    fields({ height: wholeNumber({ min: 1 }), width: wholeNumber({ min: 1 }), start: wholeNumber({ min: 0 }) }),
  ),
  /** As of `ancestral`; 1 when absent. */
  contextGuidance,
});

/** Schema of a sampler. */
export const diffusionSamplerSchema = variants(ancestral, chain, confidence, remasking, halton);

/** Options of a sampler of the diffusion family; `{ type: "ancestral" }` when empty. */
export type DiffusionSamplerOptions = OptionsOf<typeof diffusionSamplerSchema>;
/** {@link DiffusionSamplerOptions} with every default filled in; plain JSON. */
export type DiffusionSamplerConfig = ConfigOf<typeof diffusionSamplerSchema>;

/**
 * Validates a sampler's options for a model of this kernel and fills in the defaults.
 *
 * @throws a {@link ConfigError} naming the options that are unknown or out of range, or saying what does not fit the
 *   kernel.
 */
export function resolveDiffusionSampler(
  options: DiffusionSamplerOptions,
  kernel: KernelOptions,
  { path = "sampler" } = {},
): DiffusionSamplerConfig {
  const sampler = resolveOptions(diffusionSamplerSchema, options, { path });
  const unfit = explainSampler(sampler, resolveKernel(kernel));
  if (unfit !== undefined) {
    throw new ConfigError(`${path}: ${unfit}`);
  }
  return sampler;
}

/** The samplers that fit each kernel. */
const fitting: Readonly<Record<KernelConfig["type"], readonly DiffusionSamplerConfig["type"][]>> = {
  absorbing: ["ancestral", "confidence", "remasking", "halton"],
  maskgit: ["ancestral", "confidence", "remasking", "halton"],
  chain: ["chain"],
  uniform: ["ancestral", "chain"],
  "mask-and-replace": ["ancestral"],
};

/** What is wrong with a sampler for a model that was trained with this kernel; `undefined` if nothing. */
function explainSampler(sampler: DiffusionSamplerConfig, kernel: KernelConfig): string | undefined {
  const types = fitting[kernel.type];
  if (!types.includes(sampler.type)) {
    return `expected ${types.map((type) => `"${type}"`).join(" or ")} for kernel "${kernel.type}", got "${sampler.type}".`;
  }
  if ("contextGuidance" in sampler && !isNeutralScale(sampler.contextGuidance) && !masksIds(kernel)) {
    return `contextGuidance compares with a row of masks, which a model of kernel "${kernel.type}" has never seen; leave it out.`;
  }
  return "steps" in kernel && sampler.type === "ancestral" && sampler.rounds > kernel.steps
    ? `expected at most the kernel's ${kernel.steps} steps as rounds, got ${sampler.rounds}.`
    : undefined;
}
