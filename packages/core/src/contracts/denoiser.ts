import type { TokenBatch } from "./batches.js";
import type { NativeRunOptions } from "./sequence-model.js";

/** Predicts all positions at once from a corrupted sequence, for discrete diffusion and MaskGIT. */
export interface Denoiser {
  readonly vocabularySize: number;
  /** `[rows, length]` ids → `[rows, length, vocabularySize]` logits. */
  logits(ids: TokenBatch): Promise<Float32Array>;
  /** Runs a whole plan natively and returns the last state, `[rows, length]`; absent where it cannot. */
  denoise?: ((plan: DenoisePlan, options?: NativeRunOptions) => Promise<TokenBatch>) | undefined;
}

/** Legal ids at each position: those from `from` up to and without `to`, `[length]` each. */
export interface LegalRanges {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/**
 * Diffusion sampling as data, for models that can run it natively.
 *
 * The id drawn for a row at a position is the argmax over the processed logits of legal ids (temperature, then top-k, then
 * top-p, as in a `DecodePlan`) plus `gumbelNoise(drawSeeds[round, row], position)`. Beside it each position of a row has
 * one number by which it is chosen: the choice noise `gumbelNoise(choiceSeeds[round, row], 0)[position]`. So a row does
 * not depend on the others, and every way of running a plan gives the same ids, unless the last bits of its logits or
 * sums decide between two.
 */
export interface DenoisePlan {
  /** State before the first round, `[rows, length]`. */
  readonly ids: TokenBatch;
  /** `[rows, length]`, 1 where the id never changes. */
  readonly known: Uint8Array;
  /** Not empty where a row has an id that may change. */
  readonly legal: LegalRanges;
  /** Id of masked positions, never legal; absent where the rule masks nothing. */
  readonly maskId?: number;
  readonly rounds: number;
  readonly rule: DenoiseRule;
  /** `[rounds, rows]`. */
  readonly drawSeeds: Uint32Array;
  /** `[rounds, rows]`. */
  readonly choiceSeeds: Uint32Array;
  /** Divides the logits; 0 takes the most likely id and draws nothing. */
  readonly temperature: number;
  /** Keeps logits at least as large as the k-th; absent: all. */
  readonly topK?: number;
  /** Keeps the smallest set of ids whose probabilities reach p; absent: all. */
  readonly topP?: number;
  /**
   * Classifier-free guidance: the logits are `without + (with − without) · scale`. `ids`, `[rows, length]`, hold the known
   * ids without the condition; where an id is not known, the state's is read. `scales`: one a round.
   */
  readonly guidance?: { readonly ids: TokenBatch; readonly scales: Float32Array };
  /**
   * Guidance by context, after that by a condition: the logits are `blank + (logits − blank) · scale`. `logits`,
   * `[length, vocabularySize]`, are the model's for a row of which nothing is known. `scales`: one a round.
   */
  readonly blank?: { readonly logits: Float32Array; readonly scales: Float32Array };
}

/**
 * What a round does with positions that are not known:
 *
 * - `redraw`: draws every id anew.
 * - `unmask`: a masked id stays masked where its choice noise is below `stayBelow[round]`, and else is drawn; another id
 *   is masked again where its choice noise is below `remaskBelow[round]`.
 * - `confidence`: draws every masked id. Of a row the `masked[round, row]` least confident ones stay masked, the first of
 *   equals being revealed first. Confidence is the drawn id's log-probability, after temperature, top-k and top-p (at
 *   temperature 0: at temperature 1, before them), plus `noiseScales[round]` times the choice noise.
 * - `ordered`: draws a masked id in the round that `drawnIn`, `[rows, length]`, names for it.
 * - `posterior`: draws every id from Σ q(next | current, original) · p(original), p being the processed probabilities and
 *   q that of a corruption with the `transitions` of the round, `[rounds, transitionColumns]`. The draw is the argmax of
 *   the logarithm plus the draw noise.
 */
export type DenoiseRule =
  | { readonly type: "redraw" }
  | { readonly type: "unmask"; readonly stayBelow: Float32Array; readonly remaskBelow: Float32Array }
  | { readonly type: "confidence"; readonly masked: Int32Array; readonly noiseScales: Float32Array }
  | { readonly type: "ordered"; readonly drawnIn: Int32Array }
  | { readonly type: "posterior"; readonly transitions: Float32Array };

/**
 * Columns of a table of transitions. A corruption leaves an id as it is with a share `stay`, replaces it by any of the
 * legal ids with a share `replace`, spread evenly over all of them, and masks it with a share `mask`; together 1. A row
 * has these three shares for the step from time s to t, then for all steps up to s, then for all steps up to t.
 */
export const transitionColumns = 9;

/** What a loss over the posterior of a corruption needs beside noised and original ids. */
export interface PosteriorTargets {
  /** `[rows, transitionColumns]`: between the row's time and the one before. */
  readonly transitions: Float32Array;
  readonly legal: LegalRanges;
  readonly maskId?: number;
  /** Weight of the original ids' cross-entropy beside the divergence of the posteriors. */
  readonly crossEntropyWeight: number;
}
