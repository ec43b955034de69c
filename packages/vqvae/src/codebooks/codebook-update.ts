import type { Random } from "@mmgen/core";
import { drawnTensor } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { CodebookConfig } from "./codebook-config.js";
import { type CodeSums, codeSums } from "./nearest-codes.js";
import type { RowMask } from "./row-mask.js";
import { unitLength } from "./unit-length.js";

/** Inputs of a codebook's update; tensors are borrowed, variables assigned. */
export interface CodebookUpdate {
  /** Of the step, `[vectors, codeDimension]`. */
  readonly latents: tf.Tensor2D;
  /** Rows that the latents were replaced by, `[vectors]`, int32. */
  readonly codes: tf.Tensor1D;
  /** Which of them count; all where absent. */
  readonly mask: RowMask | undefined;
  /** `[codebookSize, codeDimension]`. */
  readonly codebook: tf.Variable;
  /** n, the running count of each code per batch, `[codebookSize]`. */
  readonly counts: tf.Variable;
  /** m, the running sum of the latents of each code, `[codebookSize, codeDimension]`; of an EMA codebook only. */
  readonly sums: tf.Variable | undefined;
  readonly config: Pick<CodebookConfig, "codebookSize" | "distance" | "emaDecay" | "emaEpsilon" | "deadCodeThreshold">;
  /** Draws the latents that dead codes move to. */
  readonly random: Random;
}

/**
 * Moves each row to the running mean of its latents, and dead rows to random latents of the batch.
 *
 * With c the counts of the batch, n ← γn + (1 − γ)c and m ← γm + (1 − γ)Σz; the row is m/ñ with the smoothed count
 * ñ = (n + ε)/(Σn + Kε)·Σn, scaled back to length 1 for a cosine codebook. Reads nothing back, and has the same shapes at every step.
 */
export function updateEmaCodebook(update: CodebookUpdate): void {
  tf.tidy(() => moveEmaCodebook(update, latentSums(update)));
}

/** Counts the codes of a codebook that gradients move, and sets dead rows to random latents of the batch. */
export function updateGradientCodebook(update: CodebookUpdate): void {
  tf.tidy(() => moveGradientCodebook(update, latentSums(update)));
}

/** What an update moves; assigned. */
export type CodebookVariables = Pick<CodebookUpdate, "codebook" | "counts" | "sums" | "config">;

/** What the latents of a step say of a codebook. */
export interface LatentSums extends CodeSums {
  /** What dead codes become; absent where they stay. */
  readonly revival: Revival | undefined;
}

interface Revival {
  /** The running count below which a code is dead. */
  readonly threshold: number | tf.Tensor;
  /** A latent for each code, should it be dead, `[codebookSize, codeDimension]`. */
  readonly rows: tf.Tensor2D;
}

/** {@link updateEmaCodebook} from the sums, within a `tf.tidy`. */
export function moveEmaCodebook(
  { codebook, counts, config, ...variables }: CodebookVariables,
  batch: LatentSums,
): void {
  const { codebookSize, emaDecay, emaEpsilon } = config;
  const sumsVariable = variables.sums!;
  const decayed = (past: tf.Tensor, present: tf.Tensor) =>
    tf.add(tf.mul(past, emaDecay), tf.mul(present, 1 - emaDecay));
  let running = decayed(counts, batch.counts); // [codebookSize]
  let sums = decayed(sumsVariable, batch.sums); // [codebookSize, codeDimension]
  if (batch.revival) {
    const { dead, deadRows, started } = deadCodes(batch.revival, running);
    running = tf.where(dead, started, running);
    sums = tf.where(deadRows, tf.mul(batch.revival.rows, tf.reshape(started, [-1, 1])), sums);
  }
  const total = tf.sum(running);
  const smoothed = tf.mul(tf.div(tf.add(running, emaEpsilon), tf.add(total, codebookSize * emaEpsilon)), total);
  const rows = tf.div(sums, tf.reshape(smoothed, [-1, 1])) as tf.Tensor2D;
  codebook.assign(config.distance === "cosine" ? unitLength(rows) : rows);
  counts.assign(running);
  sumsVariable.assign(sums);
}

/** {@link updateGradientCodebook} from the sums, within a `tf.tidy`. */
export function moveGradientCodebook(
  { codebook, counts, config }: CodebookVariables,
  { counts: ofBatch, revival }: Omit<LatentSums, "sums">,
): void {
  const running = tf.add(tf.mul(counts, config.emaDecay), tf.mul(ofBatch, 1 - config.emaDecay));
  if (revival === undefined) {
    counts.assign(running);
    return;
  }
  const { dead, deadRows, started } = deadCodes(revival, running);
  codebook.assign(tf.where(deadRows, revival.rows, codebook as tf.Tensor));
  counts.assign(tf.where(dead, started, running));
}

function latentSums(update: CodebookUpdate): LatentSums {
  const { latents, codes, mask, config, random } = update;
  const { codebookSize, deadCodeThreshold } = config;
  const batch = codeSums(latents, codes, { codebookSize, mask });
  if (deadCodeThreshold === 0) {
    return { ...batch, revival: undefined };
  }
  const [vectors] = latents.shape;
  const share = deadCodeThreshold / codebookSize;
  const threshold = mask ? tf.mul(tf.sum(mask.column), share) : (deadCodeThreshold * vectors) / codebookSize;
  // Which codes are dead is known only in the graph: a replacement is drawn for each.
  const draws = mask ? drawKept(mask, codebookSize, random) : drawAny(vectors, codebookSize, random);
  return { ...batch, revival: { threshold, rows: tf.gather(latents, draws) } };
}

/** Which codes are dead, `[codebookSize]`, the same for each value of a row, and the count that a revived code starts from: it dies at once unless latents take it. */
function deadCodes({ rows, threshold }: Revival, running: tf.Tensor) {
  const [codebookSize, dimension] = rows.shape;
  const dead = tf.less(running, threshold);
  return {
    dead,
    deadRows: tf.tile(tf.reshape(dead, [-1, 1]), [1, dimension]),
    started:
      typeof threshold === "number" ? tf.fill([codebookSize], threshold) : tf.mul(tf.ones([codebookSize]), threshold),
  };
}

/** Random rows, `[count]`, int32. */
export function drawAny(vectors: number, count: number, random: Random): tf.Tensor1D {
  const draw = (stream: Random) => Int32Array.from({ length: count }, () => stream.integer(vectors));
  return drawnTensor(random, { shape: [count], dtype: "int32", draw }) as tf.Tensor1D;
}

/** Random rows among those that count, `[count]`, int32. How many these are is known only in the graph. */
function drawKept({ column, count: kept }: RowMask, count: number, random: Random): tf.Tensor1D {
  const draw = (stream: Random) => stream.uniforms(count);
  const ranks = tf.floor(tf.mul(drawnTensor(random, { shape: [count, 1], dtype: "float32", draw }), kept));
  const upTo = tf.reshape(tf.cumsum(column, 0), [1, -1]); // how many count up to each row
  const position = tf.sum(tf.cast(tf.lessEqual(upTo, ranks), "int32"), 1) as tf.Tensor1D;
  return tf.minimum(position, tf.scalar(column.shape[0] - 1, "int32"));
}
