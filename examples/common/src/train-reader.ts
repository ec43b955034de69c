import { AbortedError, type ImageBatch, Random } from "@mmgen/core";
import { type Attribute, AttributeClassifier, type AttributeLabels, attributeExamples } from "@mmgen/evaluation";
import { cosineSchedule, type TrainingObserver, train } from "@mmgen/training";

/** Images of one step. */
const batchSize = 128;

/** Options of {@link trainReader}. */
export interface TrainReaderOptions<Name extends string> {
  readonly attributes: readonly Attribute<Name>[];
  /** Real images; the reader never sees a generated one in training. */
  readonly images: ImageBatch;
  readonly labels: AttributeLabels<Name>;
  readonly steps: number;
  readonly seed: number;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
  /** What starts the example: `npm start`. */
  readonly command: string;
}

/** Trains a classifier that reads attributes off real images, to judge drawn ones by. */
export async function trainReader<const Name extends string>(
  options: TrainReaderOptions<Name>,
): Promise<AttributeClassifier<Name>> {
  const { attributes, images, labels, steps } = options;
  const { height, width, channels, maxValue } = images;
  const random = Random.fromSeed(options.seed).fork("attributes");
  const classifier = AttributeClassifier.create(
    { attributes, height, width, channels, maxValue },
    { random: random.fork("weights") },
  );
  const { status } = await train({
    model: classifier,
    examples: attributeExamples(images, labels),
    batchSize,
    steps,
    schedule: cosineSchedule({ learningRate: 0.01, totalSteps: steps, warmUpSteps: Math.min(50, steps) }),
    optimizer: { weightDecay: 0.05 },
    random: random.fork("training"),
    observers: options.observers,
    signal: options.signal,
  });
  if (status === "aborted") {
    classifier.dispose();
    throw new AbortedError(
      `Stopped while judging the samples; the models are trained. Go on with "${options.command} -- --resume" (and the same --out).`,
    );
  }
  return classifier;
}
