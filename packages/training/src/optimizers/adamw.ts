import { fields, functionValue, number, optional, positiveNumber, resolveOptions } from "@mmgen/core/options";
import { clipByGlobalNorm } from "./clip-by-global-norm.js";
import { addDecayedWeights, type PerVariable, scale } from "./scale.js";
import { type AdamOptions, adamFields, scaleByAdam } from "./scale-by-adam.js";
import { chain, type GradientTransform } from "./transform.js";

/** Options of {@link adamW}. */
export interface AdamWOptions extends AdamOptions {
  /** Share of a decayed variable that a step takes away, times the learning rate. Default 0.01. */
  readonly weightDecay?: number | undefined;
  /** Which variables decay. Default: those of two or more dimensions, so neither biases nor norms. */
  readonly decays?: PerVariable<boolean> | undefined;
  /** Maximum norm of all gradients together; longer ones are scaled down to it. Absent: no clipping. */
  readonly clipNorm?: number | undefined;
  /** Factor of the learning rate for each variable: 0.1 for one that learns slower, 0 for one that stays. Default 1. */
  readonly learningRateFactor?: PerVariable<number> | undefined;
}

/** Fields of the schema of {@link AdamWOptions}. */
export const adamWFields = {
  ...adamFields,
  weightDecay: optional(number({ min: 0 }), 0.01),
  decays: optional(functionValue<PerVariable<boolean>>()),
  clipNorm: optional(positiveNumber()),
  learningRateFactor: optional(functionValue<PerVariable<number>>()),
};
const adamWSchema = fields(adamWFields);

/**
 * Adam with decoupled weight decay and clipping: a chain of {@link clipByGlobalNorm}, {@link scaleByAdam},
 * {@link addDecayedWeights} and {@link scale}.
 *
 * @throws a `ConfigError` when an option is unknown or out of range.
 * @see Loshchilov and Hutter 2019, algorithm 2, https://arxiv.org/abs/1711.05101
 */
export function adamW(options: AdamWOptions = {}): GradientTransform {
  return makeAdamW(options, "");
}

/** The transform that a run's option `path` stands for: itself, or AdamW with these options. */
export function toTransform(optimizer: AdamWOptions | GradientTransform = {}, path = "optimizer"): GradientTransform {
  return isTransform(optimizer) ? optimizer : makeAdamW(optimizer, path);
}

const storedFields = ["beta1", "beta2", "epsilon", "weightDecay", "clipNorm"] as const;

function makeAdamW(options: AdamWOptions, path: string): GradientTransform {
  const resolved = resolveOptions(adamWSchema, options, { path });
  const { beta1, beta2, epsilon } = resolved;
  const transform = clippedAndDecayed(scaleByAdam({ beta1, beta2, epsilon }), resolved);
  // As given, without defaults: a checkpoint compares them with those of the run that resumes.
  const configuration = Object.fromEntries(storedFields.map((name) => [name, options[name]]));
  return { ...transform, configuration };
}

/** A transform with what AdamW has around its own: clipping before it, weight decay and factors of the rate after it. */
export function clippedAndDecayed(
  transform: GradientTransform,
  { clipNorm, decays, learningRateFactor, weightDecay }: AdamWOptions & { readonly weightDecay: number },
): GradientTransform {
  return chain(
    ...(clipNorm === undefined ? [] : [clipByGlobalNorm(clipNorm)]),
    transform,
    addDecayedWeights(weightDecay, { decays }),
    ...(learningRateFactor === undefined ? [] : [scale(learningRateFactor)]),
  );
}

function isTransform(optimizer: AdamWOptions | GradientTransform): optimizer is GradientTransform {
  return typeof (optimizer as Partial<GradientTransform>).update === "function";
}
