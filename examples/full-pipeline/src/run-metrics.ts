import type { AttributeAgreement, TrainingHistory } from "@mmgen/training";
import type { AttributeName } from "./attributes.js";
import type { Judgement } from "./judge.js";
import type { LikelihoodFigures } from "./likelihood.js";
import type { RunSettings } from "./settings.js";
import type { TokenizerFigures } from "./train-tokenizer.js";

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  readonly backend: string;
  /** On the test images. */
  readonly tokenizer: TokenizerFigures;
  /** On the test pairs. */
  readonly likelihood: LikelihoodFigures;
  readonly attributes: {
    readonly classifierOnTestImages: AttributeAgreement<AttributeName>;
    readonly reconstructions: AttributeAgreement<AttributeName>;
    readonly textToImage: AttributeAgreement<AttributeName>;
    readonly imageToText: AttributeAgreement<AttributeName>;
    readonly unconditional: AttributeAgreement<AttributeName>;
  };
  /** Wall-clock seconds by stage. */
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

/** The attribute agreements of a judgement by the names they are kept under. */
export function attributeFigures(judgement: Judgement): RunMetrics["attributes"] {
  return {
    classifierOnTestImages: judgement.classifier,
    reconstructions: judgement.reconstructions,
    textToImage: judgement.textToImage.agreement,
    imageToText: judgement.imageToText.agreement,
    unconditional: judgement.unconditional.agreement,
  };
}
