import type { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { StepPart } from "./tensor-trainable.js";

/** What runs through a model beside the data. */
export interface ForwardPass {
  /** Whether dropout and batch statistics are in force. */
  readonly training: boolean;
  /** Where dropout masks are drawn; absent where nothing is dropped. */
  readonly random?: Random | undefined;
  /**
   * Filled by batch norms in training: statistics of the batch by the name of the running ones, without gradient. They
   * belong to the surrounding `tf.tidy`; return them from `loss` as `aux`, and hand them to
   * {@link updateRunningStatistics} in `afterStep`.
   */
  readonly statistics?: Map<string, tf.Tensor>;
}

/**
 * Moves running statistics towards those of a batch.
 *
 * @param buffers - The model's; assigned.
 * @param statistics - By name; names that are no buffer are skipped, so that a whole `aux` may be given. Borrowed.
 * @param momentum - Share of the batch in the new value; PyTorch's 0.1 when absent.
 */
export function updateRunningStatistics(
  buffers: ReadonlyMap<string, tf.Variable>,
  statistics: Iterable<readonly [name: string, ofBatch: tf.Tensor]>,
  momentum = 0.1,
): void {
  tf.tidy(() => {
    for (const [name, ofBatch] of statistics) {
      const running = buffers.get(name);
      running?.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(ofBatch, momentum)));
    }
  });
}

/**
 * The statistics of one part of a batch as its share in those of all parts, for `partSums` of a model: their sum over the
 * parts is what {@link updateRunningStatistics} takes.
 *
 * @param buffers - The model's; what is none of them is left out.
 * @param aux - Of the part's loss; borrowed.
 * @returns By the buffers' names; the surrounding `tf.tidy`'s.
 */
export function partStatistics(
  buffers: ReadonlyMap<string, tf.Variable>,
  aux: tf.NamedTensorMap,
  { part, parts, statistics }: Pick<StepPart, "part" | "parts" | "statistics">,
): tf.NamedTensorMap {
  const share = statistics === "mean" ? 1 / parts : Number(part === 0);
  const own = Object.entries(aux).filter(([name]) => buffers.has(name));
  return Object.fromEntries(own.map(([name, ofPart]) => [name, tf.mul(ofPart, share)]));
}
