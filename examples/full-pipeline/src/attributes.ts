import { AbortedError, Random, VocabularyError } from "@mmgen/core";
import { type CaptionedDigits, palette, parseCaption } from "@mmgen/datasets";
import {
  AttributeClassifier,
  type AttributeLabels,
  attributeExamples,
  cosineSchedule,
  type TrainingObserver,
  train,
} from "@mmgen/training";

/** What a caption says of its picture. */
export type AttributeName = "digit" | "digitColour" | "backgroundColour";

/** The attributes in the order they are reported in, with the words people are told. */
export const attributeTitles: Readonly<Record<AttributeName, string>> = {
  digit: "digit",
  digitColour: "digit colour",
  backgroundColour: "background",
};

/** Images of one step of the classifier's training. */
const batchSize = 128;

/** Options of {@link trainAttributeReader}. */
export interface AttributeReaderOptions {
  /** Real pictures; the reader never sees a generated one in training. */
  readonly train: CaptionedDigits;
  readonly steps: number;
  readonly seed: number;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

/** Trains a classifier that reads digit, digit colour and background off real pictures, to judge drawn ones by. */
export async function trainAttributeReader(
  options: AttributeReaderOptions,
): Promise<AttributeClassifier<AttributeName>> {
  const random = Random.fromSeed(options.seed).fork("attributes");
  const classifier = AttributeClassifier.create(
    {
      attributes: [
        { name: "digit", classes: 10 },
        { name: "digitColour", classes: palette.length },
        { name: "backgroundColour", classes: palette.length },
      ],
    },
    { random: random.fork("weights") },
  );
  const { status } = await train({
    model: classifier,
    examples: attributeExamples(options.train.images, labelsOf(options.train)),
    batchSize,
    steps: options.steps,
    schedule: cosineSchedule({
      learningRate: 0.01,
      totalSteps: options.steps,
      warmUpSteps: Math.min(50, options.steps),
    }),
    optimiser: { weightDecay: 0.05 },
    random: random.fork("training"),
    observers: options.observers,
    signal: options.signal,
  });
  if (status === "aborted") {
    classifier.dispose();
    throw new AbortedError(
      'Stopped while judging the samples; the models are trained. Go on with "npm start -- --resume" (and the same --out).',
    );
  }
  return classifier;
}

/** The true attributes of captioned digits. */
export function labelsOf(digits: CaptionedDigits): AttributeLabels<AttributeName> {
  return { digit: digits.digits, digitColour: digits.digitColours, backgroundColour: digits.backgroundColours };
}

/** What captions say; a caption that names no digit or no colour of the palette says −1, which is never right. */
export function labelsOfCaptions(captions: readonly string[]): AttributeLabels<AttributeName> {
  const read = captions.map((caption) => {
    try {
      return parseCaption(caption);
    } catch (error) {
      if (VocabularyError.isInstance(error)) {
        return { digit: -1, digitColour: -1, backgroundColour: -1 };
      }
      throw error;
    }
  });
  return {
    digit: read.map(({ digit }) => digit),
    digitColour: read.map(({ digitColour }) => digitColour),
    backgroundColour: read.map(({ backgroundColour }) => backgroundColour),
  };
}

/** Which rows agree in every attribute. */
export function markLabels(asked: AttributeLabels<AttributeName>, found: AttributeLabels<AttributeName>): boolean[] {
  const names = Object.keys(attributeTitles) as AttributeName[];
  return Array.from({ length: asked.digit.length }, (_, row) =>
    names.every((name) => asked[name][row] === found[name][row]),
  );
}
