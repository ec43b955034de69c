import { ConfigError, type ImageBatch } from "@mmgen/core";
import { MultimodalTokenizer, type TokenizerConfig } from "@mmgen/multimodal-tokenizer";
import type { ModelFamily } from "../diffusion/diffusion-options.js";
import type { ImageText } from "../model/image-text.js";
import { type ModelConfig, type ModelOptions, resolveModelConfig } from "../model/model-options.js";
import { onlyOrder } from "../model/stage-models.js";
import type { FrozenPart, KnownModel } from "./known-model.js";

/** What {@link continuedConfig} takes beside the options. */
export interface ContinuedSource {
  readonly from: KnownModel;
  readonly freeze: FrozenPart | undefined;
  readonly images: ImageBatch;
  /** What is said of the images. */
  readonly text: ImageText;
}

/**
 * The configuration of a training that goes on from a model: its image codec's, its transformer's where the caller says
 * nothing else, and the preset's trainings.
 *
 * @throws a {@link ConfigError} for options that would make another image codec, or train one that is frozen; else as
 *   `resolveModelConfig`.
 */
export function continuedConfig(options: ModelOptions, { freeze, from, images, text }: ContinuedSource): ModelConfig {
  checkCodecOptions(options, freeze);
  const config = resolveModelConfig(knownOptions(options, from, text), images, text);
  const { refinement, training } = config.vqvae;
  return {
    ...config,
    vqvae: { model: from.vqvae.config, training, ...(refinement && freeze === undefined && { refinement }) },
    transformer: { ...config.transformer, model: placed(config, options) },
  };
}

function checkCodecOptions({ composition, vqvae = {} }: ModelOptions, freeze: FrozenPart | undefined): void {
  const { refinement, training, ...model } = vqvae;
  const given = Object.entries({ composition, ...model }).find(([, value]) => value !== undefined)?.[0];
  if (given !== undefined) {
    const name = given === "composition" ? given : `vqvae.${given}`;
    throw new ConfigError(`${name}: the image codec is that of from. Leave it out, or train without from.`);
  }
  if (freeze !== undefined && (training ?? (refinement || undefined)) !== undefined) {
    const name = training === undefined ? "refinement" : "training";
    throw new ConfigError(`vqvae.${name}: freeze keeps the image codec as it is. Leave out one of the two.`);
  }
}

/** The caller's options over what the model says of itself. */
function knownOptions(
  options: ModelOptions,
  { config = {}, transformer, ...known }: KnownModel,
  text: ImageText,
): ModelOptions {
  const ownFamily: ModelFamily = transformer.config.causal ? "autoregressive" : "diffusion";
  const family = options.family ?? ownFamily;
  const isSame = family === ownFamily;
  const { causal, contextLength, grid, learnedPositions, vocabularySize, ...sizes } = transformer.config;
  const { composition, network, quantizer, head } = known.vqvae.config;
  const sampling = options.sampling ?? (isSame ? config.sampling : undefined);
  const diffusion = options.diffusion ?? (isSame ? config.diffusion : undefined);
  return {
    ...options,
    family,
    vqvae: { composition, network, quantizer, head, ...options.vqvae },
    tokenizer: { ...tokenizerOptions(known.tokenizer.config, text), ...options.tokenizer },
    // Whether a model that sees all places needs vectors of them is decided anew for another family.
    transformer: { ...sizes, ...(isSame && { learnedPositions }), ...options.transformer },
    ...(sampling && { sampling }),
    ...(diffusion && { diffusion }),
  };
}

/** How the model writes what is said of images, as far as it is said in the same way. */
function tokenizerOptions(
  { aliases, layout, lines, nullToken, textUnit }: TokenizerConfig,
  { kind }: ImageText,
): NonNullable<ModelOptions["tokenizer"]> {
  const isCaptioned = layout !== "class" && layout !== "image-only";
  return {
    ...(nullToken && kind !== "none" && { nullToken }),
    ...(isCaptioned && kind === "captions" && { layout, textUnit, lines, aliases: Object.fromEntries(aliases) }),
  };
}

/** The transformer's configuration, whose rotations by row and column need images at one place of all sequences. */
function placed(config: ModelConfig, { transformer }: ModelOptions): ModelConfig["transformer"]["model"] {
  const { model } = config.transformer;
  const isPlaceless = model.positions === "rotary-2d" && onlyOrder(config) === undefined;
  return isPlaceless && transformer?.positions === undefined ? { ...model, positions: "learned" } : model;
}

/**
 * A tokenizer that also has the words of an earlier one, and captions as short and as long as that one's.
 *
 * @param tokenizer - Of the images to come.
 * @param known - Where its text units are others, or it has none, `tokenizer` is returned.
 * @param captionLength - Whether the caller has fixed the length of captions, which then stays.
 */
export function extendTokenizer(
  tokenizer: MultimodalTokenizer,
  { config: known }: MultimodalTokenizer,
  { isLengthGiven }: { readonly isLengthGiven: boolean },
): MultimodalTokenizer {
  const { aliases, captionLength, words, ...own } = tokenizer.config;
  if (known.textUnit !== own.textUnit || known.words.length === 0 || words.length === 0) {
    return tokenizer;
  }
  const all = [...new Set([...words, ...known.words])].sort();
  const isWord = new Set(all);
  const spellings = [...known.aliases, ...aliases].filter(([alias]) => !isWord.has(alias));
  const { maximum, minimum } = captionLength;
  return MultimodalTokenizer.create({
    ...{ ...own, words: all, aliases: Object.fromEntries(spellings) },
    captionLength: isLengthGiven
      ? captionLength
      : {
          minimum: Math.min(minimum, known.captionLength.minimum),
          maximum: Math.max(maximum, known.captionLength.maximum),
        },
  });
}
