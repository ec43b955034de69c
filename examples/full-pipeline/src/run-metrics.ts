import type { AttributeAgreement, TrainingHistory } from "@mmgen/training";
import type { AttributeName } from "./attributes.js";
import type { EvaluationFigures } from "./evaluate-models.js";
import type { Judgement } from "./judge.js";
import type { RunSettings } from "./settings.js";

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends EvaluationFigures {
  readonly settings: RunSettings;
  readonly source: string;
  readonly backend: string;
  /** Codes of a picture, and rows of a codebook. */
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

/** How often attributes are right, by the way pictures or captions came about. */
export interface AttributeFigures {
  readonly classifierOnTestImages: AttributeAgreement<AttributeName>;
  readonly reconstructions: AttributeAgreement<AttributeName>;
  readonly textToImage: AttributeAgreement<AttributeName>;
  readonly imageToText: AttributeAgreement<AttributeName>;
  readonly unconditional: AttributeAgreement<AttributeName>;
}

/** The attribute agreements of a judgement by the names they are kept under. */
export function attributeFigures(judgement: Judgement): AttributeFigures {
  return {
    classifierOnTestImages: judgement.classifier.agreement,
    reconstructions: judgement.reconstructions.agreement,
    textToImage: judgement.textToImage.agreement,
    imageToText: judgement.imageToText.agreement,
    unconditional: judgement.unconditional.agreement,
  };
}
