import {
  boolean,
  type ConfigOf,
  fields,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  resolveOptions,
  rule,
  shareBelowOne,
  transform,
  wholeNumber,
} from "@mmgen/core/options";

/** See {@link TransformerOptions}. */
export const transformerSchema = pipe(
  fields({
    /** Number of distinct ids. */
    vocabularySize: wholeNumber({ min: 1 }),
    /** Maximum number of ids in a row. */
    contextLength: wholeNumber({ min: 1 }),
    /** Size of the vector at each position, divisible by `heads`. */
    width: wholeNumber({ min: 1 }),
    /** Attention heads per layer. */
    heads: wholeNumber({ min: 1 }),
    /** Number of blocks, each of attention and feed-forward part. */
    layers: wholeNumber({ min: 1 }),
    /** Dropout rate in training, in `[0, 1)`; 0 when absent. */
    dropout: optional(shareBelowOne(), 0),
    /** Hidden size of the feed-forward parts; 4 · width when absent. */
    feedForwardWidth: optional(wholeNumber({ min: 1 })),
    /** Gaussian error linear unit, exact or by GPT-2's tanh approximation; `"exact"` when absent. */
    gelu: optional(oneOf(["exact", "tanh"]), "exact"),
    /** How positions are encoded; `"learned"` when absent. */
    positions: optional(oneOf(["learned", "sinusoidal", "rotary"]), "learned"),
    /**
     * Whether a position attends only to itself and those before it; true when absent. False for diffusion and MaskGIT.
     */
    causal: optional(boolean(), true),
    /**
     * Whether linear layers and layer norms have a bias; true when absent. The output layer has none either way.
     * nanoGPT's own training configurations have false.
     */
    bias: optional(boolean(), true),
    /** Whether the output layer shares the token embedding's weights; false when absent. */
    tiedWeights: optional(boolean(), false),
  }),
  rule("width", ({ width, heads }) =>
    width % heads === 0 ? undefined : `must be divisible by heads; got width ${width} and heads ${heads}.`,
  ),
  rule("positions", ({ positions, width, heads }) => {
    if (positions === "rotary" && (width / heads) % 2 !== 0) {
      return `"rotary" rotates pairs of values: width / heads must be even, got ${width / heads}.`;
    }
    return positions === "sinusoidal" && width % 2 !== 0
      ? `"sinusoidal" needs pairs of values: width must be even, got ${width}.`
      : undefined;
  }),
  transform(({ vocabularySize, contextLength, width, heads, layers, dropout, ...rest }) => {
    const sizes = { vocabularySize, contextLength, width, heads, layers };
    return { ...sizes, dropout, feedForwardWidth: 4 * width, ...rest };
  }),
);

/** Options of a `TinyTransformer`. */
export type TransformerOptions = OptionsOf<typeof transformerSchema>;
/** Configuration of a `TinyTransformer` with every default filled in; plain JSON. */
export type TransformerConfig = ConfigOf<typeof transformerSchema>;

/**
 * Validates every field and fills in the defaults.
 *
 * @throws a `ConfigError` naming the fields that are missing, unknown, out of range or in conflict with others.
 */
export function resolveTransformer(options: TransformerOptions): TransformerConfig {
  return resolveOptions(transformerSchema, options);
}

/** Presets by name, to be spread into the options of `TinyTransformer.create`. */
export const transformerPresets = {
  /**
   * A joint image and text model on colored digits: 49 image codes, 6 words, 3 special tokens. `vocabularySize` is
   * open.
   */
  igpt: { contextLength: 58, width: 128, heads: 4, layers: 4, dropout: 0.1 },
  /** A character model of lines that name a digit's 8 letters and its value. */
  "nanogpt-mnist": {
    vocabularySize: 50,
    contextLength: 32,
    width: 384,
    heads: 8,
    layers: 8,
    dropout: 0.2,
    bias: false,
    tiedWeights: true,
  },
} as const satisfies Record<string, Partial<TransformerOptions>>;
