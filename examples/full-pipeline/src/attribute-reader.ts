import type { CaptionedDigits } from "@mmgen/datasets";
import { AttributeClassifier } from "@mmgen/evaluation";
import { type TrainReaderOptions, trainReader } from "@mmgen/example-common";
import { type AttributeName, attributes, labelsOf } from "./attributes.js";
import type { RunCheckpoints } from "./checkpoints.js";

/** Options of {@link attributeReader}. */
export interface AttributeReaderOptions
  extends Pick<TrainReaderOptions<AttributeName>, "steps" | "seed" | "observers" | "signal"> {
  /** Real images. */
  readonly train: CaptionedDigits;
}

/** The classifier of a run's checkpoints, or one trained now and kept there. */
export async function attributeReader(
  checkpoints: RunCheckpoints,
  { train, ...options }: AttributeReaderOptions,
): Promise<AttributeClassifier<AttributeName>> {
  const bytes = await checkpoints.read("classifier");
  if (bytes !== undefined) {
    return AttributeClassifier.fromSafetensors(bytes) as AttributeClassifier<AttributeName>;
  }
  const classifier = await trainReader<AttributeName>({
    ...{ ...options, attributes, images: train.images, labels: labelsOf(train), command: "npm start" },
  });
  await checkpoints.write("classifier", await classifier.toSafetensors());
  return classifier;
}
