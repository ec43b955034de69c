import type { ImageBatch } from "@mmgen/core";
import { type AttributeClassifier, confusionCounts } from "@mmgen/evaluation";
import { drawCaptions, type SamplingOptions, type TrainedModels } from "@mmgen/example-common";
import { digitNames } from "./letters.js";

/** Draws every digit so many times, digit by digit. */
export function drawAllDigits(models: TrainedModels, each: number, sampling: SamplingOptions): Promise<ImageBatch> {
  return drawCaptions(
    models,
    digitNames.flatMap((name) => new Array<string>(each).fill(name)),
    sampling,
  );
}

/** How often drawn digits are read as asked. */
export interface DrawingFigures {
  readonly count: number;
  readonly right: number;
  /** Right of each digit's, 0 to 9. */
  readonly byDigit: readonly number[];
}

/** Has a classifier trained on real images read digits that were drawn, digit by digit, equally many of each. */
export async function judgeDrawn(classifier: AttributeClassifier<"digit">, drawn: ImageBatch): Promise<DrawingFigures> {
  const each = drawn.count / digitNames.length;
  const asked = Array.from({ length: drawn.count }, (_, i) => Math.floor(i / each));
  const { digit: read } = await classifier.predict(drawn);
  const counts = confusionCounts(asked, read, digitNames.length);
  const byDigit = counts.map((row, digit) => row[digit]!);
  return { count: drawn.count, right: byDigit.reduce((sum, right) => sum + right, 0), byDigit };
}
