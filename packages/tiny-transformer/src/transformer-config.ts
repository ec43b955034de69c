import { ConfigError } from "@mmgen/core";

/** What a {@link TinyTransformer} is made of. */
export interface TransformerOptions {
  /** Number of distinct ids. */
  readonly vocabularySize: number;
  /** The greatest number of ids a row may hold. */
  readonly contextLength: number;
  /** Size of the vector at each position, divisible by `heads`. */
  readonly width: number;
  /** Attention heads a layer. */
  readonly heads: number;
  /** Attention and feed-forward pairs. */
  readonly layers: number;
  /** Share of activations dropped in training, in `[0, 1)`; 0 when absent. */
  readonly dropout?: number;
  /** Hidden size of the feed-forward parts; 4 · width when absent. */
  readonly feedForwardWidth?: number;
  /** Gaussian error linear unit, exact or by GPT-2's tanh; `"exact"` when absent. */
  readonly gelu?: "exact" | "tanh";
  /** How a position is told from another; `"learned"` when absent. */
  readonly positions?: "learned" | "sinusoidal" | "rotary";
  /** Whether a position sees only those before it and itself; true when absent. False for diffusion and MaskGIT. */
  readonly causal?: boolean;
  /**
   * Whether linear layers and layer norms have a bias; true when absent. The output layer has none either way. nanoGPT's
   * own training configurations have false.
   */
  readonly bias?: boolean;
  /** Whether the output layer shares the token embedding's weights; false when absent. */
  readonly tiedWeights?: boolean;
}

/** A {@link TransformerOptions} with every default filled in. */
export type TransformerConfig = Required<TransformerOptions>;

const sizes = ["vocabularySize", "contextLength", "width", "heads", "layers", "feedForwardWidth"] as const;
const choices = { gelu: ["exact", "tanh"], positions: ["learned", "sinusoidal", "rotary"] } as const;

/**
 * Fills in the defaults and checks every field.
 *
 * @throws a {@link ConfigError} naming the field that is missing, unknown, out of range or at odds with another.
 */
export function resolveTransformer(config: TransformerOptions): TransformerConfig {
  const complete: TransformerConfig = {
    vocabularySize: config.vocabularySize,
    contextLength: config.contextLength,
    width: config.width,
    heads: config.heads,
    layers: config.layers,
    dropout: config.dropout ?? 0,
    feedForwardWidth: config.feedForwardWidth ?? 4 * config.width,
    gelu: config.gelu ?? "exact",
    positions: config.positions ?? "learned",
    causal: config.causal ?? true,
    bias: config.bias ?? true,
    tiedWeights: config.tiedWeights ?? false,
  };
  for (const name of Object.keys(config)) {
    if (!(name in complete)) {
      throw new ConfigError(`TinyTransformer has no option "${name}"; it has ${Object.keys(complete).join(", ")}.`);
    }
  }
  for (const name of sizes) {
    const value: unknown = complete[name];
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      throw new ConfigError(`${name}: expected a whole number of at least 1, got ${String(value)}.`);
    }
  }
  const { dropout, width, heads, positions } = complete;
  if (typeof dropout !== "number" || !(dropout >= 0 && dropout < 1)) {
    throw new ConfigError(`dropout: expected a number of at least 0 and below 1, got ${String(dropout)}.`);
  }
  for (const [name, allowed] of Object.entries(choices) as [keyof typeof choices, readonly string[]][]) {
    if (!allowed.includes(complete[name])) {
      throw new ConfigError(`${name}: expected one of ${allowed.join(", ")}, got ${String(complete[name])}.`);
    }
  }
  for (const name of ["causal", "bias", "tiedWeights"] as const) {
    if (typeof complete[name] !== "boolean") {
      throw new ConfigError(`${name}: expected true or false, got ${String(complete[name])}.`);
    }
  }
  if (width % heads !== 0) {
    throw new ConfigError(`width ${width} must be divisible by heads ${heads}, so that each head has equally much.`);
  }
  if (positions === "rotary" && (width / heads) % 2 !== 0) {
    throw new ConfigError(
      `positions "rotary" turns pairs of values: width / heads must be even, got ${width / heads}.`,
    );
  }
  if (positions === "sinusoidal" && width % 2 !== 0) {
    throw new ConfigError(`positions "sinusoidal" are pairs of values: width must be even, got ${width}.`);
  }
  return complete;
}
