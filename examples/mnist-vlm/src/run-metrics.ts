import type { TokenizerFigures } from "@mmgen/example-common";
import type { TrainingHistory } from "@mmgen/training";
import type { DrawingFigures } from "./draw-digits.js";
import type { LineLikelihood } from "./line-likelihood.js";
import type { Mistake, Reading } from "./read-digits.js";
import type { RunSettings } from "./settings.js";

/** What one checkpoint reads right. */
export interface CheckpointAccuracy {
  readonly step: number;
  readonly right: number;
  readonly count: number;
}

/** What the tokenizer and the drawn images came to; absent where a run was given lines instead of images. */
export interface ImageFigures {
  readonly tokenizer: TokenizerFigures;
  /** The classifier that judges drawn images, on real test images and on these after their letters. */
  readonly classifier: { readonly onTestImages: number; readonly onReconstructions: number };
  readonly drawn: DrawingFigures;
}

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  readonly backend: string;
  /** What accuracies are of: "test images", or "validation lines". */
  readonly evaluatedOn: string;
  readonly accuracies: readonly CheckpointAccuracy[];
  /** The last checkpoint's, the likeliest of the ten digits taken. */
  readonly reading: Reading;
  readonly mistakes: readonly Mistake[];
  /** As published: the first 1000, digits drawn at temperature 0.8. */
  readonly sampledReading: Pick<Reading, "right" | "count">;
  readonly likelihood: LineLikelihood;
  readonly imageMetrics?: ImageFigures;
  /** Whether the run went on from what an earlier process had left. */
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly histories: { readonly tokenizer?: TrainingHistory; readonly transformer: TrainingHistory };
}
