import type { AttributeAgreement } from "@mmgen/evaluation";
import type { TrainingHistory } from "@mmgen/training";
import type { AttributeName } from "./attributes.js";
import type { EvaluationFigures } from "./evaluate-models.js";
import type { Judgment } from "./judge.js";
import type { RunSettings } from "./settings.js";

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends EvaluationFigures {
  readonly settings: RunSettings;
  readonly source: string;
  readonly backend: string;
  /** Codes of an image, and rows of a codebook. */
  readonly codes: { readonly count: number; readonly codebookSize: number };
  /** Whether the run went on from what an earlier process had left. */
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Training examples a second, evaluations left out. */
  readonly throughput: { readonly tokenizer: number; readonly transformer: number };
  /** Tensors alive at the end, models included. */
  readonly tensors: number;
  readonly histories: { readonly tokenizer: TrainingHistory; readonly transformer: TrainingHistory };
}

/** Examples a second of a run's training steps, its slow first steps included. */
export function throughput(history: TrainingHistory, batchSize: number): number {
  const seconds = history.steps.reduce((sum, step) => sum + step.seconds, 0);
  return (history.steps.length * batchSize) / seconds;
}

/** How often attributes are right, by the way images or captions came about. */
export interface AttributeFigures {
  readonly classifierOnTestImages: AttributeAgreement<AttributeName>;
  readonly reconstructions: AttributeAgreement<AttributeName>;
  readonly textToImage: AttributeAgreement<AttributeName>;
  readonly imageToText: AttributeAgreement<AttributeName>;
  readonly unconditional: AttributeAgreement<AttributeName>;
}

/** The attribute agreements of a judgment by the names they are kept under. */
export function attributeFigures(judgment: Judgment): AttributeFigures {
  return {
    classifierOnTestImages: judgment.classifier.agreement,
    reconstructions: judgment.reconstructions.agreement,
    textToImage: judgment.textToImage.agreement,
    imageToText: judgment.imageToText.agreement,
    unconditional: judgment.unconditional.agreement,
  };
}
