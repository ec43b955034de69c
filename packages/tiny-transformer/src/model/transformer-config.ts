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

/** See {@link GridOptions}. */
const gridSchema = fields({
  /** Rows of codes. */
  height: wholeNumber({ min: 1 }),
  /** Codes of a row. */
  width: wholeNumber({ min: 1 }),
  /** Position of the first code in a sequence. */
  start: wholeNumber({ min: 0 }),
});

/** The codes of an image in a sequence, row by row: sizes of the grid, and the position of its first code. */
export type GridOptions = OptionsOf<typeof gridSchema>;

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
    /** Layer norms, or root mean square norms, which neither center nor shift; `"layer"` when absent. */
    normalization: optional(oneOf(["layer", "rms"]), "layer"),
    /**
     * Feed-forward parts: one hidden layer with GELU, or SwiGLU, whose hidden values are the product of SiLU(gate) and a
     * second linear layer; `"gelu"` when absent.
     */
    feedForward: optional(oneOf(["gelu", "swiglu"]), "gelu"),
    /**
     * Hidden size of the feed-forward parts; when absent 4 · width, and with SwiGLU, for about as many parameters,
     * 8/3 · width to the nearest multiple of 8.
     */
    feedForwardWidth: optional(wholeNumber({ min: 1 })),
    /** Gaussian error linear unit, exact or by GPT-2's tanh approximation; `"exact"` when absent. */
    gelu: optional(oneOf(["exact", "tanh"]), "exact"),
    /**
     * Whether queries and keys of each head are divided by their root mean square and scaled by a learned gain, before
     * rotary positions: it keeps scores small where training diverges otherwise. False when absent.
     */
    queryKeyNorm: optional(boolean(), false),
    /** How positions are encoded; `"learned"` when absent. `"rotary-2d"` needs `grid`. */
    positions: optional(oneOf(["learned", "sinusoidal", "rotary", "rotary-2d"]), "learned"),
    /**
     * Whether rotary positions have a learned vector of each position beside them, added to the embeddings. Rotations
     * only tell how far apart positions are: without a mask that orders them, a model that is not causal gives every
     * position of a wholly masked sequence the same logits. When absent: true for rotary positions of a model that is
     * not causal, else false.
     */
    learnedPositions: optional(boolean()),
    /** Where in a sequence the rows of codes of an image stand; for `"rotary-2d"` alone. Default: nowhere. */
    grid: optional(gridSchema),
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
    if (positions === "rotary-2d" && (width / heads) % 4 !== 0) {
      return `"rotary-2d" rotates pairs by row and by column: width / heads must be divisible by 4, got ${width / heads}.`;
    }
    return positions === "sinusoidal" && width % 2 !== 0
      ? `"sinusoidal" needs pairs of values: width must be even, got ${width}.`
      : undefined;
  }),
  rule("learnedPositions", ({ learnedPositions, positions }) =>
    learnedPositions && !isRotary(positions) ? `true belongs to rotary positions, got "${positions}".` : undefined,
  ),
  rule("grid", ({ positions, grid, contextLength }) => {
    if ((positions === "rotary-2d") !== (grid !== undefined)) {
      return grid === undefined
        ? `required by positions "rotary-2d", as { height, width, start }.`
        : `belongs to positions "rotary-2d", got "${positions}".`;
    }
    // The last id of a sequence is predicted, but need not be read.
    return grid !== undefined && grid.start + grid.height * grid.width > contextLength + 1
      ? `${grid.height} × ${grid.width} codes from position ${grid.start} on exceed contextLength ${contextLength}.`
      : undefined;
  }),
  rule("gelu", ({ feedForward, gelu }) =>
    feedForward === "swiglu" && gelu !== "exact" ? `"${gelu}" has no effect where feedForward is "swiglu".` : undefined,
  ),
  transform(({ vocabularySize, contextLength, width, heads, layers, dropout, ...rest }) => {
    const sizes = { vocabularySize, contextLength, width, heads, layers };
    const feedForwardWidth = rest.feedForward === "swiglu" ? 8 * Math.max(1, Math.round(width / 3)) : 4 * width;
    const learnedPositions = isRotary(rest.positions) && !rest.causal;
    return { ...sizes, dropout, feedForwardWidth, learnedPositions, ...rest };
  }),
);

function isRotary(positions: string): boolean {
  return positions === "rotary" || positions === "rotary-2d";
}

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

/** Whether a learned vector of each position is added to the embeddings. */
export function addsPositionVectors({ positions, learnedPositions }: TransformerConfig): boolean {
  return positions === "learned" || learnedPositions;
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
