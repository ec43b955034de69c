import {
  type ConfigOf,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  variant,
  variants,
  wholeNumber,
} from "@mmgen/core/options";

const share = number({ above: 0, below: 1 });
const timeSteps = optional(wholeNumber({ min: 1, max: 10_000 }), 100);
const ends = listOf(share, { minLength: 2, maxLength: 2 });

/**
 * Masks m of n codes, m spread evenly over 1 … n; the loss Σ −log p · n / m over masked codes bounds the negative
 * log-likelihood in nats. It has the mean of masking each code with a probability t and of the loss Σ −log p / t, t
 * uniform, with less variance: no row is without masks, and no weight exceeds n.
 *
 * @see Sahoo et al. 2024 (MDLM), https://arxiv.org/abs/2406.07524; Hoogeboom et al. 2022, eq. 4,
 *   https://arxiv.org/abs/2110.02037
 */
const absorbing = variant("absorbing", {});

/** Replaces a random share of the codes by random ones, then a further share: the latter step is learned backwards. */
const chain = variant("chain", {
  /** Share of the codes that are replaced in the further step; 0.1 when absent. */
  further: optional(number({ above: 0, max: 1 }), 0.1),
});

/**
 * Masks max(1, round(n · cos(πt/2))) of n codes, t uniform; mean cross-entropy of the masked ones.
 *
 * @see Chang et al. 2022 (MaskGIT), https://arxiv.org/abs/2202.04200
 */
const maskgit = variant("maskgit", {});

/**
 * Replaces codes by uniformly random ones, in `steps` small steps; Kullback-Leibler divergence of the posteriors.
 *
 * @see Austin et al. 2021 (D3PM), https://arxiv.org/abs/2107.03006; Hoogeboom et al. 2021, https://arxiv.org/abs/2102.05379
 */
const uniform = variant("uniform", {
  /** Number of time steps; 100 when absent. */
  steps: timeSteps,
  /** Share of codes that are still untouched, by time: a quarter of a cosine, or a line; `"cosine"` when absent. */
  schedule: optional(oneOf(["cosine", "linear"]), "cosine"),
  /** Weight of the original codes' cross-entropy beside the divergence; 1e-3 when absent. */
  crossEntropyWeight: optional(number({ min: 0 }), 1e-3),
});

/**
 * Masks codes and replaces others by uniformly random ones, in `steps` small steps; divergence of the posteriors.
 *
 * @see Gu et al. 2022 (VQ-Diffusion), https://arxiv.org/abs/2111.14822
 */
const maskAndReplace = pipe(
  variant("mask-and-replace", {
    /** Number of time steps; 100 when absent. */
    steps: timeSteps,
    /** Share of codes that are still untouched after the first and the last step, a line between; [0.99999, 9e-6] when absent. */
    untouched: optional(ends, [0.99999, 9e-6]),
    /** Share of codes that are masked after the first and the last step, a line between; [9e-6, 0.99999] when absent. */
    masked: optional(ends, [9e-6, 0.99999]),
    /** Weight of the original codes' cross-entropy beside the divergence; 5e-4 when absent. */
    crossEntropyWeight: optional(number({ min: 0 }), 5e-4),
  }),
  rule("untouched", ({ untouched, masked, steps }) => explainShares(untouched, masked, steps)),
);

const kernelSchema = variants(absorbing, chain, maskgit, uniform, maskAndReplace);

/** Options of a kernel, which says how codes are corrupted and what the loss is; `{ type: "absorbing" }` when empty. */
export type KernelOptions = OptionsOf<typeof kernelSchema>;
/** {@link KernelOptions} with every default filled in; plain JSON. */
export type KernelConfig = ConfigOf<typeof kernelSchema>;

/**
 * Validates a kernel's options and fills in the defaults.
 *
 * @throws a `ConfigError` naming the options that are unknown or out of range.
 */
export function resolveKernel(options: KernelOptions, { path = "kernel" } = {}): KernelConfig {
  return resolveOptions(kernelSchema, options, { path });
}

/** A kernel of small steps, whose loss is a divergence of posteriors. */
export type SteppedKernel = Extract<KernelConfig, { readonly steps: number }>;

/** Whether the kernel has steps, and so posteriors. */
export function isStepped(kernel: KernelConfig): kernel is SteppedKernel {
  return kernel.type === "uniform" || kernel.type === "mask-and-replace";
}

/** Whether a corrupted sequence may have masked ids. */
export function masksIds({ type }: KernelConfig): boolean {
  return type === "absorbing" || type === "maskgit" || type === "mask-and-replace";
}

function explainShares(untouched: Ends, masked: Ends, steps: number): string | undefined {
  const [u, m] = [shareLine(untouched, steps, 1), shareLine(masked, steps, 0)];
  for (let t = 1; t <= steps; t++) {
    // The shares of a single step follow from these sums; none may be below 0, and some codes must have been replaced.
    const falls = u[t]! < u[t - 1]! && m[t]! >= m[t - 1]! && u[t]! + m[t]! < 1 - 1e-9;
    const isStep = falls && (1 - m[t]!) * u[t - 1]! >= (1 - m[t - 1]!) * u[t]! - 1e-15;
    if (!isStep) {
      return `expected shares that fall, of masked codes shares that rise, and sums below 1, got [${untouched}] and masked [${masked}].`;
    }
  }
  return undefined;
}

type Ends = readonly number[];

/** A line from the first end, at time 1, to the last, at time `steps`, by time; `start` at time 0. */
export function shareLine([first, last]: readonly number[], steps: number, start: number): Float64Array {
  return Float64Array.from({ length: steps + 1 }, (_, t) =>
    t === 0 ? start : t === steps ? last! : first! + ((last! - first!) * (t - 1)) / (steps - 1),
  );
}
