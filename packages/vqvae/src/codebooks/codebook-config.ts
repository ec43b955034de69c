import {
  type ConfigOf,
  fields,
  number,
  oneOf,
  optional,
  pipe,
  positiveNumber,
  transform,
  wholeNumber,
} from "@mmgen/core/options";
import { gradientEstimatorNames } from "./gradient-estimator.js";

/** Schema of a codebook's size, with the defaults of a quantizer. */
export function codebookSizeFields(codebookSize: number, codeDimension: number) {
  return {
    /** Rows of the codebook. Default: 128, 64 of a product quantizer. */
    codebookSize: optional(wholeNumber({ min: 1, max: 2 ** 24 }), codebookSize),
    /** Length of a row. Default: 64, 8 of a product quantizer. */
    codeDimension: optional(wholeNumber({ min: 1 }), codeDimension),
  };
}

/** Schema of how a codebook is compared and learned; {@link withLearningDefaults} fills in what depends on `codebook`. */
export const codebookLearningFields = {
  /**
   * `ema`: rows follow the mean of the latents they are nearest to. `gradient`: rows are pulled by a loss. `index`: the
   * gradient reaches all rows through the choice among them (index backpropagation), which is by the largest product.
   * `simvq`: fixed random rows times a learned matrix, so that whatever moves one row moves all. Default: "ema".
   */
  codebook: optional(oneOf(["ema", "gradient", "index", "simvq"]), "ema"),
  /** What makes a row the nearest: its distance, or its angle, with latents and rows scaled to length 1. Default: "euclidean". */
  distance: optional(oneOf(["euclidean", "cosine"]), "euclidean"),
  /**
   * First rows: `k-means` of the first batch's latents; `uniform` in ±1/codebookSize; or `normal`, N(0, 1/codeDimension).
   * Default: "k-means"; "normal" of `index`, and of `simvq`, which has no other.
   */
  start: optional(oneOf(["k-means", "uniform", "normal"])),
  /**
   * How the decoder's gradient reaches the latents: `straight-through` copies it, `rotation` rotates it as each latent
   * would have to be rotated to become its row. Not for `index`, which has a way of its own. Default: "straight-through".
   */
  gradientEstimator: optional(oneOf(gradientEstimatorNames), "straight-through"),
  /** β, the weight of the commitment loss, which pulls latents to their rows. Default: 0.25; 1 of `index`. */
  commitmentWeight: optional(number({ min: 0 })),
  /** Weight of the loss that pulls the rows of all but an `ema` codebook to their latents. Default: 1; 0.25 of `index`. */
  codebookWeight: optional(number({ min: 0 })),
  /**
   * Weight of the entropy loss, which makes each latent sure of its code and the codes of a batch equally used; 0.1 is
   * usual. Default: 0; 0.05 of `index`.
   */
  entropyWeight: optional(number({ min: 0 })),
  /** What distances (of `index`, products) are divided by where they become the probabilities of the entropy loss. Default: 0.01. */
  entropyTemperature: optional(positiveNumber(), 0.01),
  /** γ, the share of the past in the running counts and sums, per step. Default: 0.99. */
  emaDecay: optional(number({ min: 0, below: 1 }), 0.99),
  /** ε of the smoothed counts. Default: 1e-5. */
  emaEpsilon: optional(number({ min: 0 }), 1e-5),
  /**
   * A code is dead, and moves to a random latent, when its running count is below this fraction of an equal share
   * (latents per batch / codebookSize); 0: never. Default: 0.3; 0 of `index` and of `simvq`, which has no other.
   */
  deadCodeThreshold: optional(number({ min: 0, max: 1 })),
} as const;

/** What depends on the way of learning. */
interface LearningDefaults {
  readonly start: "k-means" | "uniform" | "normal";
  readonly commitmentWeight: number;
  readonly codebookWeight: number;
  readonly entropyWeight: number;
  readonly deadCodeThreshold: number;
}

const ordinary: LearningDefaults = {
  start: "k-means",
  commitmentWeight: 0.25,
  codebookWeight: 1,
  entropyWeight: 0,
  deadCodeThreshold: 0.3,
};

const defaultsOf: Readonly<Record<"ema" | "gradient" | "index" | "simvq", LearningDefaults>> = {
  ema: ordinary,
  gradient: ordinary,
  // Weights as Shi et al. 2024 publish them. Rows as short as those of a uniform start let all latents shrink to one.
  index: { start: "normal", commitmentWeight: 1, codebookWeight: 0.25, entropyWeight: 0.05, deadCodeThreshold: 0 },
  simvq: { ...ordinary, start: "normal", deadCodeThreshold: 0 },
};

/** A configuration of {@link codebookLearningFields} before {@link withLearningDefaults}. */
type Given = { readonly codebook: keyof typeof defaultsOf } & {
  readonly [Field in keyof LearningDefaults]?: LearningDefaults[Field] | undefined;
};

/** The last step of every schema with {@link codebookLearningFields}. */
export function withLearningDefaults<Config extends Given>(config: Config) {
  const { start, commitmentWeight, codebookWeight, entropyWeight, deadCodeThreshold, ...rest } = config;
  const defaults = defaultsOf[config.codebook];
  return {
    ...rest,
    start: start ?? defaults.start,
    commitmentWeight: commitmentWeight ?? defaults.commitmentWeight,
    codebookWeight: codebookWeight ?? defaults.codebookWeight,
    entropyWeight: entropyWeight ?? defaults.entropyWeight,
    deadCodeThreshold: deadCodeThreshold ?? defaults.deadCodeThreshold,
  };
}

/** Explains why a codebook cannot start so; `undefined` if it can. */
export function explainStart({ codebook, start }: Given): string | undefined {
  return codebook === "simvq" && start !== undefined && start !== "normal"
    ? `the rows of a "simvq" codebook are fixed random ones; leave it out, or take "normal", got "${start}".`
    : undefined;
}

/** Explains why its rows cannot move to random latents; `undefined` if they can. */
export function explainDeadCodes({ codebook, deadCodeThreshold = 0 }: Given): string | undefined {
  return codebook === "simvq" && deadCodeThreshold > 0
    ? `the rows of a "simvq" codebook move all together, none by itself; leave it out, or take 0, got ${deadCodeThreshold}.`
    : undefined;
}

/** Explains why the gradient cannot be estimated so; `undefined` if it can. */
export function explainEstimator({
  codebook,
  gradientEstimator,
}: Given & { readonly gradientEstimator: string }): string | undefined {
  return codebook === "index" && gradientEstimator !== "straight-through"
    ? `an "index" codebook has a gradient of its own, through the choice of the row; leave it out, got "${gradientEstimator}".`
    : undefined;
}

const codebookSchema = pipe(
  fields({ ...codebookSizeFields(128, 64), ...codebookLearningFields }),
  transform((config) => withLearningDefaults(config)),
);

/** A codebook: rows that latent vectors, or parts of them, are replaced by, and how the rows are learned. */
export type CodebookConfig = ConfigOf<typeof codebookSchema>;
