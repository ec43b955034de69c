import { CheckpointError, ConfigError, type ImageBatch } from "@mmgen/core";
import {
  type DenoisingOptions,
  denoiseCaptions,
  denoiseCompletions,
  denoiseContent,
  denoiseImages,
  denoisePairs,
  denoisingFields,
} from "../diffusion/denoise-pairs.js";
import { captionBounds, type PairBound, scoreBounds } from "../diffusion/diffusion-bounds.js";
import type { DiffusionSettings } from "../diffusion/diffusion-options.js";
import { captionNats } from "../metrics/caption-nats.js";
import { type PairLikelihood, type ScoredPairs, type ScoreOptions, scorePairs } from "../metrics/score-pairs.js";
import { completePairs } from "../sampling/complete-pairs.js";
import type { Completion } from "../sampling/completion-prompt.js";
import { type CandidateOptions, drawLikeliest } from "../sampling/draw-likeliest.js";
import {
  captionImages,
  completeSequences,
  drawImages,
  type GenerationOptions,
  generationFields,
  inventPairs,
  type Pairs,
} from "../sampling/generate-pairs.js";
import { checkFields } from "./check-arguments.js";
import { type ModelParts, modelFiles, type SequenceModels } from "./model-parts.js";

/** How a model's methods draw ids; what is left out is the model's `sampling`. */
export interface ModelGenerationOptions extends GenerationOptions, Pick<DenoisingOptions, "sampler"> {}

/** Names of a {@link ModelGenerationOptions}' fields. */
export const modelGenerationFields = [...new Set<string>([...generationFields, ...denoisingFields])];

/** How likely pairs are: means over them. */
export interface PairScore
  extends Pick<PairLikelihood, "natsPerId" | "natsPerSequence" | "bitsPerPixel">,
    Partial<Pick<PairLikelihood, "byOrder">>,
    Partial<Pick<PairBound, "bounds">> {}

/** What trained parts do by their family; options are defaults under those of a call. */
export interface PairMethods {
  draw(captions: readonly string[], options: ModelGenerationOptions & CandidateOptions): Promise<ImageBatch>;
  caption(images: ImageBatch, options: ModelGenerationOptions): Promise<string[]>;
  invent(count: number, options: ModelGenerationOptions): Promise<Pairs>;
  complete(completion: Completion, options: ModelGenerationOptions): Promise<Pairs>;
  score(pairs: ScoredPairs, options: ScoreOptions): Promise<PairScore>;
}

/** Trained parts, with `diffusion` those of the family `diffusion`. */
export interface FamilyParts extends ModelParts {
  /** How the transformer was trained, and how it is sampled where a call does not say. Default: `autoregressive`. */
  readonly diffusion?: DiffusionSettings | undefined;
}

/**
 * What can be done with trained parts, whatever their family.
 *
 * @param parts - Borrowed.
 * @param sampling - How ids are drawn where a call does not say. Default: each option's own.
 */
export function pairMethods({ diffusion, ...parts }: FamilyParts, sampling: GenerationOptions = {}): PairMethods {
  return diffusion === undefined ? autoregressive(parts, sampling) : denoising({ ...parts, diffusion }, sampling);
}

function autoregressive(parts: ModelParts, sampling: GenerationOptions): PairMethods {
  const merged = (options: ModelGenerationOptions, defaults = sampling): GenerationOptions => {
    checkFields("", options, modelGenerationFields);
    const { sampler, ...others } = options;
    if (sampler !== undefined) {
      throw new ConfigError('sampler: only models of the family "diffusion" take it. Leave it out.');
    }
    return { ...defaults, ...others };
  };
  return {
    draw: async (captions, { candidates = 1, ...options }) => {
      if (candidates === 1) {
        return drawImages(parts, captions, merged(options));
      }
      const { onRound: _, ...others } = merged(options);
      const prompt = (rows: readonly string[]) => parts.tokenizer.promptForImages(rows);
      return drawLikeliest(parts, captions, {
        candidates,
        drawCodes: async (rows) => (await completeSequences(parts, prompt(rows), others)).codes,
        captionNats: (pairs) => captionNats(parts, pairs, { signal: others.signal }),
      });
    },
    caption: (images, options) => captionImages(parts, images, merged(options, { ...sampling, temperature: 0 })),
    invent: (count, options) => inventPairs(parts, count, merged(options)),
    complete: (completion, options) => completePairs(parts, completion, merged(options)),
    score: (pairs, options) => scorePairs(parts, pairs, options),
  };
}

function denoising(
  models: ModelParts & { readonly diffusion: DiffusionSettings },
  sampling: GenerationOptions,
): PairMethods {
  // There is nothing to be guided by where no caption is known.
  const { guidance: _, ...unguided } = sampling;
  return {
    draw: async (captions, { candidates = 1, ...options }) => {
      if (candidates === 1) {
        return denoiseImages(models, captions, { ...sampling, ...options });
      }
      const { onRound: _, ...others } = { ...sampling, ...options };
      return drawLikeliest(models, captions, {
        candidates,
        drawCodes: async (rows) => (await denoiseContent(models, { captions: rows }, others)).codes,
        captionNats: (pairs) => captionBounds(models, pairs, { signal: others.signal }),
      });
    },
    caption: (images, options) => denoiseCaptions(models, images, { ...unguided, temperature: 0, ...options }),
    invent: (count, options) => denoisePairs(models, count, { ...unguided, ...options }),
    complete: async (completion, options) => {
      if (completion.candidates !== undefined) {
        throw new ConfigError('candidates: only models of the family "autoregressive" take it. Leave it out.');
      }
      const isGuided = completion.captions !== undefined && !("words" in completion.keep);
      return denoiseCompletions(models, completion, { ...(isGuided ? sampling : unguided), ...options });
    },
    score: (pairs, options) => scoreBounds(models, pairs, options),
  };
}

/**
 * Throws a {@link CheckpointError} unless transformer and tokenizer are of this family.
 *
 * @param diffusion - Settings of the family `diffusion`; undefined: `autoregressive`.
 */
export function checkFamily({ tokenizer, transformer }: SequenceModels, diffusion?: DiffusionSettings): void {
  const { causal } = transformer.config;
  if (causal === (diffusion !== undefined)) {
    const [family, expected] = causal ? ["diffusion", "both directions"] : ["autoregressive", "one direction"];
    throw new CheckpointError(
      `${modelFiles.transformer}: the family "${family}" needs a transformer that attends in ${expected}, with causal: ${!causal}; ` +
        `this one has causal: ${causal}. ${causal ? "Leave out the settings of diffusion" : `Give the settings of diffusion, as ${modelFiles.model} has them`}.`,
    );
  }
  if (diffusion !== undefined && !tokenizer.config.maskToken) {
    throw new CheckpointError(
      `${modelFiles.tokenizer}: the family "diffusion" needs a tokenizer with maskToken: true; this one has none.`,
    );
  }
}
