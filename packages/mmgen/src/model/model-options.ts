import { ConfigError, checkOneOf, type ImageBatch } from "@mmgen/core";
import { fields, optional, resolveOptions, value } from "@mmgen/core/options";
import type { LossWeights, Order, TokenizerOptions } from "@mmgen/multimodal-tokenizer";
import { guidanceScaleSchema, type SamplingOptions, samplingEntries } from "@mmgen/samplers";
import type { CompositionOptions, VqVaeOptions } from "@mmgen/vqvae";
import { denoisingOptions } from "../diffusion/denoise-pairs.js";
import {
  type DiffusionConfig,
  type DiffusionOptions,
  type ModelFamily,
  modelFamilies,
  resolveDiffusion,
} from "../diffusion/diffusion-options.js";
import { type GenerationOptions, generationFields } from "../sampling/generate-pairs.js";
import { partsOf, type RefinementSettings, refinementFields, resolveRefinement } from "../stages/refine-vqvae.js";
import { resolveTrainingSettings, type TrainingSettings, totalSteps } from "../stages/run-stage.js";
import type { TransformerOptions } from "../stages/train-transformer.js";
import { checkFields } from "./check-arguments.js";
import type { ImageText } from "./image-text.js";
import { type ModelPreset, mmgenPresets, type PresetName, type RealImageStages, usualRefinement } from "./presets.js";
import { onlyOrder, type SizedPreset, sizesFor, transformerModel, vqVaeModel } from "./stage-models.js";

/** Names of the fields of {@link ModelOptions}. */
export const modelFields = [
  ...["preset", "family", "composition", "vqvae", "tokenizer", "sequences", "transformer", "diffusion", "sampling"],
] as const;
const sequenceFields = ["textFirstShare", "orders", "weights", "conditionDropout"] as const;

/** How pairs become training sequences. */
export interface SequenceOptions {
  /** Share of the sequences that put the text first. Default 0.5. */
  readonly textFirstShare?: number | undefined;
  /** Whether a pair's order is drawn `anew` each time it is seen (default), `once` for all, or given pair by pair. */
  readonly orders?: "anew" | "once" | readonly Order[] | undefined;
  /** Weights of targets in the loss, by modality and, as `prompt`, of what stands first. Default: the preset's. */
  readonly weights?: LossWeights | undefined;
  /**
   * Share of the sequences that are trained without what stands first, so that `guidance` can be used. Default: 0, and 0.1
   * for images with classes.
   */
  readonly conditionDropout?: number | undefined;
}

/** What shapes a model and its training; every field has a default. */
export interface ModelOptions {
  /** Sizes and training times, by name or as an object. Default `quick`. */
  readonly preset?: PresetName | ModelPreset | undefined;
  /**
   * `autoregressive` (default): ids are found one after the other, and beginnings can be completed. `diffusion`: all at
   * once, in rounds, and any part of an image can be kept.
   */
  readonly family?: ModelFamily | undefined;
  /**
   * `whole` (default): every code stands for a place of the image. `figure-ground`: two flat colors and a shape, for
   * icons, letters and logos.
   */
  readonly composition?: CompositionOptions["type"] | CompositionOptions | undefined;
  /** Overrides of the image codec's configuration; side, channels and levels are those of the images. Default: the preset's. */
  readonly vqvae?:
    | (Omit<VqVaeOptions, "imageSide" | "channels" | "maxValue"> & {
        readonly training?: Partial<TrainingSettings> | undefined;
        /**
         * How the image codec goes on learning by what is said of the images; `false`: not at all. Default: the preset's,
         * which has it for images of many colors with captions or classes.
         */
        readonly refinement?: Partial<RefinementSettings> | false | undefined;
      })
    | undefined;
  /** Overrides of the text's configuration. Default: the words of the captions, or the names of the classes. */
  readonly tokenizer?: Partial<Omit<TokenizerOptions, "codebookSize" | "codeGrid" | "captions">> | undefined;
  /** How pairs become training sequences; of the family `diffusion` only `weights` of image and text. Default: the preset's weights. */
  readonly sequences?: SequenceOptions | undefined;
  /** Overrides of the transformer's configuration; its vocabulary and sequence length are the tokenizer's. Default: the preset's. */
  readonly transformer?:
    | (Partial<TransformerOptions> & { readonly training?: Partial<TrainingSettings> | undefined })
    | undefined;
  /** Kernel, sampler and tasks of the family `diffusion`. Default: see {@link DiffusionOptions}. */
  readonly diffusion?: DiffusionOptions | undefined;
  /** How ids are drawn where a call does not say. Default: the preset's. */
  readonly sampling?: SamplingOptions | undefined;
}

/** The configuration of every stage, complete. Plain JSON. */
export interface ModelConfig {
  readonly vqvae: {
    readonly model: VqVaeOptions;
    readonly training: TrainingSettings;
    /** Absent where it is trained once. */
    readonly refinement?: RefinementSettings;
  };
  readonly tokenizer: NonNullable<ModelOptions["tokenizer"]>;
  readonly sequences: SequenceOptions;
  readonly transformer: { readonly model: TransformerOptions; readonly training: TrainingSettings };
  /** Absent for the family `autoregressive`. */
  readonly diffusion?: DiffusionConfig;
  readonly sampling: SamplingOptions;
}

/**
 * Fills in the preset and what the images say: side, channels, levels, code grid and head.
 *
 * @param text - What is said of the images, which decides on the layout of sequences.
 * @throws a `ConfigError` for an unknown preset or field, or training settings that cannot be.
 */
export function resolveModelConfig(options: ModelOptions, images: ImageBatch, text: ImageText): ModelConfig {
  const preset = sizesFor(images, presetOf(options.preset ?? "quick"), options);
  const family = options.family ?? "autoregressive";
  checkOneOf("family", family, modelFamilies);
  checkFields("sequences", options.sequences ?? {}, sequenceFields);
  checkFields("sampling", options.sampling ?? {}, generationFields);
  for (const part of ["vqvae", "transformer", "tokenizer"] as const) {
    resolveOptions(optional(partSchema), options[part], { path: part });
  }
  const { seed: _seed, signal: _signal, ...sampling }: GenerationOptions = options.sampling ?? {};
  const samplingSchema = fields({ ...samplingEntries, guidance: optional(guidanceScaleSchema) });
  resolveOptions(samplingSchema, sampling, { path: "sampling" });
  const { refinement: givenRefinement, training: vqvaeTraining, ...vqvae } = options.vqvae ?? {};
  const { training: transformerTraining, ...transformer } = options.transformer ?? {};
  const { training: _, ...transformerSizes } = preset.transformer;
  const diffusion = family === "diffusion" ? diffusionOf(options, text) : undefined;
  if (diffusion === undefined) {
    checkAutoregressive(options);
  }
  const tokenizer = tokenizerOf({ ...options.tokenizer, ...diffusion?.tokenizer }, text);
  const dropout = text.kind === "classes" && tokenizer.nullToken ? { conditionDropout: 0.1 } : {};
  const sequences = diffusion
    ? { weights: { ...imageAndText(preset.weights), ...options.sequences?.weights } }
    : { weights: preset.weights, ...dropout, ...options.sequences };
  const model = vqVaeModel({ ...options, vqvae }, preset, images);
  const refinement = refinementOf(preset.vqvae, givenRefinement, { images, model, text });
  return {
    vqvae: {
      model,
      training: trainingOf(preset.vqvae.training, vqvaeTraining, { count: images.count, path: "vqvae.training" }),
      ...(refinement && { refinement }),
    },
    tokenizer,
    sequences,
    transformer: {
      model: {
        ...transformerModel(transformerSizes, transformer, onlyOrder({ diffusion, sequences, tokenizer })),
        ...(diffusion && { causal: false }),
      },
      training: trainingOf(preset.transformer.training, transformerTraining, {
        count: images.count,
        path: "transformer.training",
      }),
    },
    ...(diffusion && { diffusion: diffusion.config }),
    sampling: options.sampling ?? preset.sampling,
  };
}

/** The refinement that is asked for, or the preset's where it can be of use; `undefined`: none. */
function refinementOf(
  preset: SizedPreset["vqvae"],
  given: Partial<RefinementSettings> | false | undefined,
  { images, model, text }: { readonly images: ImageBatch; readonly model: VqVaeOptions; readonly text: ImageText },
): RefinementSettings | undefined {
  const usual = "refinement" in preset ? preset.refinement : undefined;
  const isOfUse = text.kind !== "none" && model.head === "regression";
  if (given === false || (given === undefined && !(isOfUse && usual))) {
    return undefined;
  }
  if (!isOfUse) {
    throw new ConfigError(
      'vqvae.refinement: it needs captions or classes, which it learns from, and the head "regression". Leave it out.',
    );
  }
  checkFields("vqvae.refinement", given ?? {}, refinementFields);
  const [base, own] = [partsOf(usual ?? usualRefinement), partsOf(given ?? {})];
  const settings = trainingOf(base.training as TrainingSettings, own.training, {
    count: images.count,
    path: "vqvae.refinement",
  });
  const all = { ...base.own, ...own.own, ...settings } as RefinementSettings;
  const { training, ...rest } = resolveRefinement(all, "vqvae.refinement");
  return { ...training, ...rest };
}

/** What the family `diffusion` adds to a configuration; throws a {@link ConfigError} for options of the other one. */
function diffusionOf(
  { diffusion, sampling, sequences = {}, tokenizer, transformer }: ModelOptions,
  { kind }: ImageText,
): { readonly config: DiffusionConfig; readonly tokenizer: ModelOptions["tokenizer"] } {
  const { weights, ...others } = sequences;
  const foreign = Object.entries(others).find(([, option]) => option !== undefined);
  if (foreign !== undefined) {
    const instead = foreign[0] === "conditionDropout" ? " Set diffusion.tasks.imageAlone." : " Leave it out.";
    throw new ConfigError(`sequences.${foreign[0]}: only the family "autoregressive" takes it.${instead}`);
  }
  checkFields("sequences.weights", weights ?? {}, ["image", "text"]);
  denoisingOptions(sampling ?? {}, "sampling");
  if (transformer?.causal === true || tokenizer?.maskToken === false) {
    const [name, expected] = transformer?.causal ? ["transformer.causal", false] : ["tokenizer.maskToken", true];
    throw new ConfigError(`${name}: the family "diffusion" needs ${expected}, got ${!expected}. Leave it out.`);
  }
  const hasText = kind !== "none";
  const nullToken = tokenizer?.nullToken ?? hasText;
  return {
    config: resolveDiffusion(diffusion, { hasText, hasNull: nullToken }),
    tokenizer: { nullToken, maskToken: true },
  };
}

/** Throws a {@link ConfigError} for options of the family `diffusion`. */
function checkAutoregressive({ diffusion, transformer }: ModelOptions): void {
  const name = diffusion !== undefined ? "diffusion" : transformer?.causal === false ? "transformer.causal" : undefined;
  if (name !== undefined) {
    throw new ConfigError(`${name}: only the family "diffusion" takes it. Set family: "diffusion".`);
  }
}

function imageAndText({ image, text }: LossWeights): LossWeights {
  return { ...(image !== undefined && { image }), ...(text !== undefined && { text }) };
}

/** What is said of images decides on the layout: none, a class, or a caption. */
function tokenizerOf(
  options: NonNullable<ModelOptions["tokenizer"]>,
  { kind, names }: ImageText,
): ModelConfig["tokenizer"] {
  if (kind === "captions") {
    return options;
  }
  const layout = kind === "classes" ? "class" : "image-only";
  if (options.layout !== undefined && options.layout !== layout) {
    const set = kind === "classes" ? "images with classes" : "images without captions";
    throw new ConfigError(`tokenizer.layout: ${set} have the layout "${layout}", got "${options.layout}".`);
  }
  return kind === "classes" ? { words: names!, nullToken: true, ...options, layout } : { ...options, layout };
}

/** What a part's options hold is checked by the part. */
const partSchema = value<object>(
  "an object of options",
  (candidate) => typeof candidate === "object" && candidate !== null && !Array.isArray(candidate),
);

/** That a preset has its parts; what they hold is checked where it is used. */
const presetSchema = value<ModelPreset>(
  "the name of a preset, or an object as mmgenPresets has them: vqvae, transformer, weights, sampling",
  (candidate) => {
    const { realImages, weights, sampling, ...stages } = candidate as ModelPreset;
    const partsOf = ({ transformer, vqvae }: Partial<ModelPreset | RealImageStages>) => [
      ...[vqvae?.network, vqvae?.quantizer, vqvae?.training, transformer?.training],
    ];
    const parts = [...partsOf(stages), ...(realImages === undefined ? [] : partsOf(realImages)), weights, sampling];
    return parts.every((each) => typeof each === "object" && each !== null);
  },
);

function presetOf(preset: PresetName | ModelPreset): ModelPreset {
  if (typeof preset === "object") {
    return resolveOptions(presetSchema, preset, { path: "preset" });
  }
  checkOneOf("preset", preset, Object.keys(mmgenPresets) as PresetName[]);
  return mmgenPresets[preset];
}

/** The preset's settings under the caller's, cut to the examples there are where the caller says nothing. */
function trainingOf(
  preset: TrainingSettings,
  override: Partial<TrainingSettings> = {},
  { count, path }: { readonly count: number; readonly path: string },
): TrainingSettings {
  const { steps: presetSteps, epochs: presetEpochs, ...rest } = preset;
  const length =
    override.steps === undefined && override.epochs === undefined ? { steps: presetSteps, epochs: presetEpochs } : {};
  const batchSize = Math.min(preset.batchSize, Math.max(1, count));
  const settings = resolveTrainingSettings({ ...rest, batchSize, ...length, ...override }, path);
  const steps = totalSteps(settings, count);
  return {
    ...settings,
    warmUpSteps: override.warmUpSteps ?? Math.min(settings.warmUpSteps ?? 0, Math.floor(steps / 10)),
  };
}
