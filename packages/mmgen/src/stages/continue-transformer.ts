import { copyWeights, type Parameter } from "@mmgen/nn/layers";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";

/** A transformer to begin with. */
export interface KnownTransformer {
  /** Borrowed. */
  readonly transformer: TinyTransformer;
  /** For each id of the new transformer's vocabulary that of the same meaning here, or −1: see `matchIds`. */
  readonly ids: Int32Array;
}

/**
 * Gives a transformer what another one knows: the rows of embeddings and output layer that belong to ids of the same meaning,
 * all other parameters of the same name and shape. Of learned positions, where one has more, those that both have.
 *
 * What the other does not have, such as words that it has not seen or wider layers, stays as it is.
 */
export function continueTransformer(to: TinyTransformer, { ids, transformer: from }: KnownTransformer): void {
  const positions = Int32Array.from({ length: to.contextLength }, (_, i) => (i < from.contextLength ? i : -1));
  const tables = [
    { own: to.backbone.tokenEmbedding.weight, other: from.backbone.tokenEmbedding.weight, rows: ids },
    { own: to.head.weight, other: from.head.weight, rows: ids },
    { own: to.backbone.positionEmbedding?.weight, other: from.backbone.positionEmbedding?.weight, rows: positions },
  ].flatMap(({ other, own, rows }) => (own && other && own.shape[1] === other.shape[1] ? [{ own, other, rows }] : []));
  tf.tidy(() => {
    // Made before tables of equal shape are copied, which overwrites the first values of rows that stay.
    const values = tables.map(({ other, own, rows }) => withRows(own, other, rows));
    copyWeights(from, to);
    for (const [i, { own }] of tables.entries()) {
      own.variable.assign(values[i]!);
    }
  });
}

/** A table with the other's rows where there is one, −1 being none. */
function withRows(own: Parameter<tf.Tensor2D>, other: Parameter<tf.Tensor2D>, rows: Int32Array): tf.Tensor2D {
  const found = tf.gather(
    other.value,
    tf.tensor1d(
      rows.map((row) => Math.max(0, row)),
      "int32",
    ),
  );
  const isFound = tf.tensor1d(
    Array.from(rows, (row) => row >= 0),
    "bool",
  );
  return tf.where(tf.expandDims(isFound, 1), found, own.value);
}
