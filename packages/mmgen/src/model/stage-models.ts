import type { ImageBatch } from "@mmgen/core";
import type { MultimodalTokenizer, Order } from "@mmgen/multimodal-tokenizer";
import type {
  CompositionOptions,
  ConvolutionalOptions,
  NetworkOptions,
  QuantizerOptions,
  VqVaeOptions,
} from "@mmgen/vqvae";
import type { TransformerOptions } from "../stages/train-transformer.js";
import { shapeOf } from "../stages/train-vqvae.js";
import type { ModelPreset, RealImageStages } from "./presets.js";

/** What a caller says of the image codec. */
interface CodecOptions {
  readonly composition?: CompositionOptions["type"] | CompositionOptions | undefined;
  readonly vqvae?: VqVaeOptions | undefined;
}

/** A preset with the stages that suit some images. */
export type SizedPreset = Omit<ModelPreset, keyof RealImageStages> &
  (Pick<ModelPreset, "vqvae" | "transformer"> | RealImageStages);

/** Levels for which a class each is worth its parameters; images of more have many colors. */
const maxCategoricalLevel = 15;
/** Shorter side from which images of many colors have networks of their own, in pixels. */
const realImageSide = 48;

/** The preset's stages for such images: those of real images where they have many colors, are large enough, and whole. */
export function sizesFor(
  { height, maxValue, width }: ImageBatch,
  { realImages, ...preset }: ModelPreset,
  options: CodecOptions,
): SizedPreset {
  const isConvolutional = (options.vqvae?.network?.type ?? "convolutional") === "convolutional";
  const isReal =
    maxValue > maxCategoricalLevel &&
    Math.min(height, width) >= realImageSide &&
    compositionOf(options).type === "whole" &&
    isConvolutional;
  return isReal && realImages !== undefined ? { ...preset, ...realImages } : preset;
}

/** The image codec's configuration: the caller's over the preset's, and what the images say. */
export function vqVaeModel(options: CodecOptions, preset: SizedPreset, images: ImageBatch): VqVaeOptions {
  const { vqvae = {} } = options;
  const composition = compositionOf(options);
  const { imageSide, channels, maxValue } = shapeOf(images);
  const sizes = convolutionsOf(preset, vqvae.network as ConvolutionalOptions | undefined, {
    longerSide: Math.max(images.height, images.width),
    isFigure: composition.type === "figure-ground",
  });
  return {
    ...vqvae,
    ...{ imageSide, channels, maxValue, composition },
    head: vqvae.head ?? (maxValue <= maxCategoricalLevel ? "categorical" : "regression"),
    network: overlaid<NetworkOptions>(sizes.network, vqvae.network, "convolutional"),
    quantizer: overlaid<QuantizerOptions>(sizes.quantizer, vqvae.quantizer, "vector"),
  };
}

/** The preset's network and quantizer, as far as they agree with what the caller says of channels and halvings. */
function convolutionsOf(
  { vqvae }: SizedPreset,
  given: ConvolutionalOptions = {},
  { isFigure, longerSide }: { readonly isFigure: boolean; readonly longerSide: number },
): { readonly network: ConvolutionalOptions; readonly quantizer: QuantizerOptions } {
  const saysChannels = given.hiddenChannels !== undefined || given.stages !== undefined;
  if (!("levels" in vqvae.network)) {
    const { hiddenChannels, ...network } = vqvae.network;
    // A figure takes fewer codes than an image of which each code has to say the colors too.
    const stages = stagesTo(isFigure ? 4 : 8, longerSide);
    const channels = given.levels === undefined || saysChannels ? { stages, hiddenChannels } : {};
    return { network: { ...channels, ...network }, quantizer: vqvae.quantizer };
  }
  const { attentionHeads = 0, levels, ...network } = vqvae.network;
  const last = levels.at(-1)!;
  const stages = Math.max(levels.length, stagesTo(16, longerSide));
  const ownLevels = Array.from({ length: stages }, (_, level) => levels[level] ?? last);
  const gridChannels = given.levels?.at(-1) ?? given.hiddenChannels ?? last;
  return {
    network: {
      ...network,
      ...(saysChannels ? { stages, hiddenChannels: last } : { levels: ownLevels }),
      attentionHeads: commonDivisor(attentionHeads, gridChannels),
    },
    quantizer: { ...vqvae.quantizer, codeDimension: gridChannels },
  };
}

function compositionOf({ composition: shorthand, vqvae }: CodecOptions): CompositionOptions {
  return vqvae?.composition ?? (typeof shorthand === "string" ? { type: shorthand } : shorthand) ?? { type: "whole" };
}

/** Halvings after which a code grid's side is at most `side`. */
function stagesTo(side: number, imageSide: number): number {
  return Math.max(1, Math.ceil(Math.log2(imageSide / side)));
}

/** The largest number that divides both; the other where one is 0. */
function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** The preset's fields under the caller's, unless these are of another type. */
function overlaid<Options extends { readonly type?: string | undefined }>(
  preset: Options,
  override: Options | undefined,
  presetType: string,
): Options {
  if (override !== undefined && (typeof override !== "object" || override === null)) {
    return override; // for the model's own check
  }
  return (override?.type ?? presetType) === presetType ? { ...preset, ...override } : override!;
}

/** What decides where the image stands in sequences. */
export interface SequencePlan {
  /** Of the family `diffusion`, whose sequences put the text first. */
  readonly diffusion?: object | undefined;
  readonly tokenizer: { readonly layout?: string | undefined };
  readonly sequences: {
    readonly textFirstShare?: number | undefined;
    readonly orders?: string | readonly Order[] | undefined;
  };
}

/** The order of all sequences of a training; undefined where there are both. */
export function onlyOrder({ diffusion, sequences, tokenizer: { layout } }: SequencePlan): Order | undefined {
  const { orders, textFirstShare } = sequences;
  if (layout === "image-only") {
    return "image-first";
  }
  if (layout === "class" || diffusion !== undefined) {
    return "text-first";
  }
  if (typeof orders === "object") {
    return orders.every((order) => order === orders[0]) ? orders[0] : undefined;
  }
  const isFixed = orders !== "once" && (textFirstShare === 0 || textFirstShare === 1);
  return isFixed ? (textFirstShare === 1 ? "text-first" : "image-first") : undefined;
}

/**
 * The transformer's configuration: the caller's over the preset's.
 *
 * @param order - That of all sequences, if there is one.
 */
export function transformerModel(
  { positions, ...preset }: TransformerOptions,
  given: Partial<TransformerOptions>,
  order: Order | undefined,
): TransformerOptions {
  // The caller's kind of GELU, too, is in place of the preset's SwiGLU.
  const hasGelu = preset.feedForward === "swiglu" && given.gelu !== undefined;
  const model = { ...preset, ...(hasGelu && { feedForward: "gelu" as const }), ...given };
  const fits = positions !== "rotary-2d" || (order !== undefined && (model.width / model.heads) % 4 === 0);
  return positions !== undefined && fits && given.positions === undefined ? { ...model, positions } : model;
}

/** Adds to a transformer's configuration where the image stands in its sequences, where its positions need it. */
export function withImageGrid(
  model: TransformerOptions,
  tokenizer: Pick<MultimodalTokenizer, "config" | "modalities">,
  order: Order | undefined,
): TransformerOptions {
  if (model.positions !== "rotary-2d" || model.grid !== undefined || order === undefined) {
    return model;
  }
  return { ...model, grid: imageGrid(tokenizer, order) };
}

/** Where the codes of the image stand in sequences of an order, row by row. */
export function imageGrid(tokenizer: Pick<MultimodalTokenizer, "config" | "modalities">, order: Order) {
  return { ...tokenizer.config.codeGrid, start: tokenizer.modalities(order).indexOf("image") };
}
