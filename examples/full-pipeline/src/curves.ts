import { trainingCurves } from "@mmgen/plots";
import type { TrainingHistory } from "@mmgen/training";
import type { LikelihoodFigures } from "./likelihood.js";

/** Loss and learning rate by step, and test figures by epoch, of both models; as SVG. */
export function learningCurves({
  tokenizer,
  transformer,
}: {
  readonly tokenizer: TrainingHistory;
  readonly transformer: TrainingHistory;
}): string {
  return trainingCurves({
    title: "Training",
    panels: [
      {
        title: "Image tokenizer",
        yLabel: "loss",
        series: [
          { label: "train", style: "steps", ...byStep(tokenizer, ({ loss }) => loss) },
          { label: "test", style: "points", ...byEpoch(tokenizer, "heldOutLoss") },
        ],
        learningRate: byStep(tokenizer, ({ learningRate }) => learningRate),
        scale: "log",
      },
      {
        title: "Reconstruction",
        yLabel: "share of levels exactly right, test",
        series: [{ label: "test", style: "points", ...byEpoch(tokenizer, "exactLevelAccuracy") }],
      },
      {
        title: "Transformer",
        yLabel: "nats per id",
        series: [
          { label: "train, as weighted", style: "steps", ...byStep(transformer, ({ loss }) => loss) },
          { label: "test", style: "points", ...byEpoch(transformer, "natsPerId") },
        ],
        learningRate: byStep(transformer, ({ learningRate }) => learningRate),
      },
      {
        title: "Transformer by order",
        yLabel: "nats per id, test",
        series: [
          { label: "text first", style: "points", ...byEpoch(transformer, "text-first") },
          { label: "image first", style: "points", ...byEpoch(transformer, "image-first") },
        ],
      },
    ],
  });
}

/** Test loss by the predicted id's place in the sequence; as SVG. */
export function positionCurves({ byOrder }: LikelihoodFigures): string {
  return trainingCurves({
    panels: [
      {
        title: "Test loss by position",
        yLabel: "nats per id",
        xLabel: "place of the predicted id",
        fromZero: true,
        series: [
          { label: "text first", style: "points", y: byOrder["text-first"].byPosition },
          { label: "image first", style: "points", y: byOrder["image-first"].byPosition },
        ],
      },
    ],
  });
}

function byStep({ steps }: TrainingHistory, value: (record: TrainingHistory["steps"][number]) => number) {
  return { x: steps.map(({ step }) => step), y: steps.map(value) };
}

function byEpoch({ epochs }: TrainingHistory, name: string) {
  return { x: epochs.map(({ step }) => step), y: epochs.map(({ metrics }) => metrics[name]!) };
}
