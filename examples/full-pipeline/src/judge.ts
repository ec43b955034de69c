import { type ImageBatch, sliceImages } from "@mmgen/core";
import { type CaptionedDigits, gatherCaptioned } from "@mmgen/datasets";
import {
  type AttributeAgreement,
  type AttributeClassifier,
  type AttributeLabels,
  attributeAgreement,
} from "@mmgen/evaluation";
import { captionImages, drawCaptions, inventPairs, type Pairs, type TrainedModels } from "@mmgen/example-common";
import { type AttributeName, labelsOf, labelsOfCaptions, markLabels } from "./attributes.js";
import type { RunConfig } from "./config.js";

/** Images of each kind that are shown. */
const shown = 9;

/** Two readings of the same samples: what was asked for, and what is there. */
export interface Readings {
  readonly asked: AttributeLabels<AttributeName>;
  readonly found: AttributeLabels<AttributeName>;
  readonly agreement: AttributeAgreement<AttributeName>;
}

/** Scored samples, and a few of them to show, each with whether it is right. */
export interface ShownSamples extends Readings {
  readonly images: ImageBatch;
  readonly captions: readonly string[];
  readonly marks: readonly boolean[];
}

/** The three ways to generate, scored. */
export interface Judgment {
  /** The classifier on real test images: the ceiling of what it can certify. */
  readonly classifier: Readings;
  /** The classifier on reconstructed test images: the ceiling of what the codes can show. */
  readonly reconstructions: Readings;
  readonly textToImage: ShownSamples;
  readonly imageToText: ShownSamples;
  readonly unconditional: ShownSamples;
  /** All invented pairs. */
  readonly invented: Pairs;
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

/** Draws test captions, captions test images, invents pairs, and scores all three. */
export async function judge(options: JudgeOptions): Promise<Judgment> {
  const { models, classifier, test, config, seed, signal } = options;
  const count = Math.min(config.evaluation.samples, test.images.count);
  const part = gatherCaptioned(
    test,
    Int32Array.from({ length: count }, (_, i) => i),
  );
  const truth = labelsOf(part);
  const sampling = { seed, ...config.sampling, signal };

  const read = async (asked: AttributeLabels<AttributeName>, images: ImageBatch) =>
    readings(asked, await classifier.predict(images));

  const drawn = await drawCaptions(models, part.captions, sampling);
  const written = await captionImages(models, part.images, { ...sampling, temperature: 0 });
  const invented = await inventPairs(models, count, sampling);
  return {
    classifier: await read(labelsOf(test), test.images),
    reconstructions: await read(truth, await models.vqvae.reconstruct(part.images)),
    textToImage: showFirst({ images: drawn, captions: part.captions }, await read(truth, drawn)),
    imageToText: showFirst({ images: part.images, captions: written }, readings(truth, labelsOfCaptions(written))),
    unconditional: showFirst(invented, await read(labelsOfCaptions(invented.captions), invented.images)),
    invented,
  };
}

function readings(asked: AttributeLabels<AttributeName>, found: AttributeLabels<AttributeName>): Readings {
  return { asked, found, agreement: attributeAgreement(asked, found) };
}

function showFirst(
  { images, captions }: { readonly images: ImageBatch; readonly captions: readonly string[] },
  read: Readings,
): ShownSamples {
  return {
    ...read,
    images: sliceImages(images, 0, Math.min(shown, images.count)),
    captions: captions.slice(0, shown),
    marks: markLabels(read.asked, read.found).slice(0, shown),
  };
}
