import { resolveTransformer, type TransformerConfig, type TransformerOptions } from "./transformer-config.js";

/** One weight before it is allocated. */
export interface PlannedWeight {
  readonly shape: readonly number[];
  /** 0 or 1 throughout, or normal with this standard deviation. */
  readonly initial: "zeros" | "ones" | { readonly standardDeviation: number };
}

/**
 * Every weight by checkpoint name, in a fixed order. Names and layouts are nanoGPT's: linear weights are `[out, in]`.
 *
 * N(0, 0.02), biases 0; the two projections back onto the residual stream of each layer have 0.02 / √(2 · layers), so
 * that its variance does not grow with depth.
 *
 * @see Radford et al. 2019, section 2.3, https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
 * @see https://github.com/karpathy/nanoGPT
 */
export function planWeights(config: TransformerConfig): Map<string, PlannedWeight> {
  const { vocabularySize, contextLength, width, layers, feedForwardWidth, positions, tiedWeights } = config;
  const plan = new Map<string, PlannedWeight>();
  const matrix = (name: string, shape: readonly number[], standardDeviation = 0.02) =>
    plan.set(`${name}.weight`, { shape, initial: { standardDeviation } });
  const bias = (name: string, size: number) =>
    config.bias && plan.set(`${name}.bias`, { shape: [size], initial: "zeros" });
  const norm = (name: string) => {
    plan.set(`${name}.weight`, { shape: [width], initial: "ones" });
    bias(name, width);
  };

  matrix("transformer.wte", [vocabularySize, width]);
  if (positions === "learned") {
    matrix("transformer.wpe", [contextLength, width]);
  }
  const residualDeviation = 0.02 / Math.sqrt(2 * layers);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `transformer.h.${layer}`;
    norm(`${prefix}.ln_1`);
    matrix(`${prefix}.attn.c_attn`, [3 * width, width]);
    bias(`${prefix}.attn.c_attn`, 3 * width);
    matrix(`${prefix}.attn.c_proj`, [width, width], residualDeviation);
    bias(`${prefix}.attn.c_proj`, width);
    norm(`${prefix}.ln_2`);
    matrix(`${prefix}.mlp.c_fc`, [feedForwardWidth, width]);
    bias(`${prefix}.mlp.c_fc`, feedForwardWidth);
    matrix(`${prefix}.mlp.c_proj`, [width, feedForwardWidth], residualDeviation);
    bias(`${prefix}.mlp.c_proj`, width);
  }
  norm("transformer.ln_f");
  if (!tiedWeights) {
    matrix("lm_head", [vocabularySize, width]);
  }
  return plan;
}

/**
 * How many parameters a transformer of this configuration has, without allocating it.
 *
 * @throws a `ConfigError` when the configuration is not valid.
 */
export function parameterCount(config: TransformerOptions): number {
  const complete = resolveTransformer(config);
  const { vocabularySize, contextLength, width, layers, feedForwardWidth, positions, tiedWeights, bias } = complete;
  const biased = bias ? 1 : 0;
  const norm = (1 + biased) * width;
  const attention = 4 * width * width + biased * 4 * width;
  const feedForward = 2 * width * feedForwardWidth + biased * (feedForwardWidth + width);
  const tables = (tiedWeights ? 1 : 2) * vocabularySize * width + (positions === "learned" ? contextLength * width : 0);
  return tables + layers * (2 * norm + attention + feedForward) + norm;
}
