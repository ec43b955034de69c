import {
  type ConfigOf,
  listOf,
  type OptionsOf,
  oneOf,
  optional,
  pipe,
  rule,
  transform,
  variant,
  wholeNumber,
} from "@mmgen/core/options";

export const convolutionalSchema = pipe(
  variant("convolutional", {
    /** Channels of every hidden layer. Default: 256, unless `levels` are given. */
    hiddenChannels: optional(wholeNumber({ min: 1 })),
    /**
     * Halvings of the image's side: two make 28×28 pixels 7×7 codes, three (the image padded to 32×32) 4×4. Default: 2,
     * unless `levels` are given.
     */
    stages: optional(wholeNumber({ min: 1, max: 8 })),
    /**
     * Channels after each halving, from the image inward, in place of `hiddenChannels` and `stages`: [32, 64, 128] makes
     * 64×64 pixels 8×8 codes. Default: `hiddenChannels` after each of `stages`.
     */
    levels: optional(listOf(wholeNumber({ min: 1 }), { minLength: 1, maxLength: 8 })),
    /** Residual blocks of the encoder at the code grid, and as many of the decoder. Default: 2. */
    residualBlocks: optional(wholeNumber({ min: 0 }), 2),
    /** Residual blocks of the encoder after each halving but the last, and as many of the decoder. Default: 0. */
    levelBlocks: optional(wholeNumber({ min: 0 }), 0),
    /** Side of the second convolution's filter in a residual block. Default: 1. */
    residualFilter: optional(wholeNumber({ min: 1, max: 7 }), 1),
    /** Heads of a self-attention before each residual block at the code grid; 0 for none. */
    attentionHeads: optional(wholeNumber({ min: 0 }), 0),
    /**
     * Normalization before each nonlinearity: over the batch; by image, over groups of 8 channels (or of the largest
     * divisor below); or none. Default: "batch".
     */
    normalization: optional(oneOf(["batch", "group", "none"]), "batch"),
    /** Groups of a group norm, a divisor of the channels of every level; 32 is usual for wide networks. Default: groups of 8 channels. */
    normalizationGroups: optional(wholeNumber({ min: 1 })),
    /** The nonlinearity. Default: "relu". */
    activation: optional(oneOf(["relu", "silu"]), "relu"),
    /**
     * Side of the filter that halves a side: 4, or 3, which is cheaper and padded after the last row and column alone.
     * Default: 4.
     */
    downFilter: optional(wholeNumber({ min: 3, max: 4 }), 4),
    /**
     * How the decoder doubles a side: by a transposed 4×4 convolution, the last of which gives the image; or by repeating
     * pixels before a 3×3 convolution, with one more 3×3 convolution for the image. Default: "transposed".
     */
    upsampling: optional(oneOf(["transposed", "nearest"]), "transposed"),
  }),
  rule("levels", ({ levels, hiddenChannels, stages }) =>
    levels !== undefined && (hiddenChannels !== undefined || stages !== undefined)
      ? `they give the number of channels and of halvings; leave out ${hiddenChannels === undefined ? "stages" : "hiddenChannels"}.`
      : undefined,
  ),
  transform(({ type, hiddenChannels, stages, levels, ...rest }) => ({
    type,
    ...resolveChannels({ hiddenChannels, stages, levels }),
    ...rest,
  })),
  rule("normalizationGroups", (config) => explainGroups(config)),
  rule("attentionHeads", (config) => {
    const channels = levelsOf(config).at(-1)!;
    return config.attentionHeads > 0 && channels % config.attentionHeads !== 0
      ? `expected a divisor of ${config.levels === undefined ? "hiddenChannels" : "the last level's"} ${channels}, got ${config.attentionHeads}.`
      : undefined;
  }),
);

/** Options of a convolutional encoder and its mirrored decoder. */
export type ConvolutionalOptions = OptionsOf<typeof convolutionalSchema>;
/** {@link ConvolutionalOptions} with every default filled in: `levels`, or `hiddenChannels` and `stages`. */
export type ConvolutionalConfig = ConfigOf<typeof convolutionalSchema>;

/** Explains why channels cannot be normalized so; `undefined` if they can. */
function explainGroups({
  normalization,
  normalizationGroups: groups,
  ...channels
}: Channels & { readonly normalization: string; readonly normalizationGroups?: number }): string | undefined {
  if (groups === undefined) {
    return undefined;
  }
  const odd = levelsOf(channels).find((level) => level % groups !== 0);
  return normalization !== "group"
    ? `groups are of normalization "group", got "${normalization}"; leave one of the two out.`
    : odd !== undefined
      ? `expected a divisor of the channels of every level, got ${groups} and a level of ${odd}.`
      : undefined;
}

/** Channels after each halving, from the image inward. */
export function levelsOf({ levels, hiddenChannels, stages }: Channels): readonly number[] {
  return levels ?? new Array<number>(stages!).fill(hiddenChannels!);
}

/** Either `levels`, or the other two. */
interface Channels {
  readonly hiddenChannels?: number;
  readonly stages?: number;
  readonly levels?: readonly number[];
}

function resolveChannels({ hiddenChannels = 256, stages = 2, levels }: GivenChannels): Channels {
  return levels === undefined ? { hiddenChannels, stages } : { levels };
}

type GivenChannels = { readonly [Field in keyof Channels]-?: Channels[Field] | undefined };
