import { sliceImages } from "@mmgen/core";
import { type CaptionedDigits, gatherCaptioned } from "@mmgen/datasets";
import { type AttributeAgreement, type AttributeClassifier, attributeAgreement } from "@mmgen/training";
import {
  type AttributeName,
  labelsOf,
  labelsOfCaptions,
  markLabels,
  markPictures,
  scorePictures,
} from "./attributes.js";
import type { TrainedModels } from "./checkpoints.js";
import type { RunConfig } from "./config.js";
import { captionImages, drawCaptions, inventPairs, type Pairs } from "./samples.js";

/** Pictures of each kind that are shown. */
const shown = 9;

/** A few samples to show, each with whether it is right. */
export interface ShownSamples extends Pairs {
  readonly marks: readonly boolean[];
  /** How many of all that were scored agree in all attributes. */
  readonly agreement: AttributeAgreement<AttributeName>;
}

/** The three ways to generate, scored. */
export interface Judgement {
  /** The classifier on real test pictures: the ceiling of what it can certify. */
  readonly classifier: AttributeAgreement<AttributeName>;
  /** The classifier on reconstructed test pictures: the ceiling of what the codes can show. */
  readonly reconstructions: AttributeAgreement<AttributeName>;
  readonly textToImage: ShownSamples;
  readonly imageToText: ShownSamples;
  readonly unconditional: ShownSamples;
}

/** Options of {@link judge}. */
export interface JudgeOptions {
  readonly models: TrainedModels;
  readonly classifier: AttributeClassifier<AttributeName>;
  readonly test: CaptionedDigits;
  readonly config: RunConfig;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Draws test captions, captions test pictures, invents pairs, and scores all three. */
export async function judge(options: JudgeOptions): Promise<Judgement> {
  const { models, classifier, test, config, seed, signal } = options;
  const count = Math.min(config.evaluation.samples, test.images.count);
  const part = gatherCaptioned(
    test,
    Int32Array.from({ length: count }, (_, i) => i),
  );
  const truth = labelsOf(part);
  const sampling = { seed, ...config.sampling, signal };

  const drawn = await drawCaptions(models, part.captions, sampling);
  const written = await captionImages(models, part.images, { ...sampling, temperature: 0 });
  const invented = await inventPairs(models, count, sampling);
  const said = labelsOfCaptions(invented.captions);
  const writtenLabels = labelsOfCaptions(written);

  return {
    classifier: await scorePictures(classifier, test.images, labelsOf(test)),
    reconstructions: await scorePictures(classifier, await models.vqvae.reconstruct(part.images), truth),
    textToImage: {
      ...firstPairs(drawn, part.captions),
      marks: (await markPictures(classifier, drawn, truth)).slice(0, shown),
      agreement: await scorePictures(classifier, drawn, truth),
    },
    imageToText: {
      ...firstPairs(part.images, written),
      marks: markLabels(truth, writtenLabels).slice(0, shown),
      agreement: attributeAgreement(truth, writtenLabels),
    },
    unconditional: {
      ...firstPairs(invented.images, invented.captions),
      marks: (await markPictures(classifier, invented.images, said)).slice(0, shown),
      agreement: await scorePictures(classifier, invented.images, said),
    },
  };
}

function firstPairs(images: Pairs["images"], captions: readonly string[]): Pairs {
  return { images: sliceImages(images, 0, Math.min(shown, images.count)), captions: captions.slice(0, shown) };
}
