import * as tf from "@tensorflow/tfjs-core";
import { product } from "../functions/axes.js";
import { sumSegments } from "../functions/sum-segments.js";
import { fromFront, rule } from "./rule.js";

/** Gradients of operations that take or put values by index. The indices themselves have the gradient 0. */
export const indexingRules: readonly tf.GradConfig[] = [
  rule<tf.GatherV2Attrs>(tf.GatherV2, {
    inputs: ["x", "indices"],
    gradients: ({ dy, saved: [x, indices], attributes }) => ({
      x: () => sumByIndex(dy, x!.shape, indices!, attributes),
      indices: () => tf.zeros(indices!.shape),
    }),
  }),
  rule(tf.GatherNd, {
    inputs: ["params", "indices"],
    gradients: ({ dy, saved: [params, indices] }) => ({
      params: () => tf.scatterND(indices!, dy, params!.shape),
      indices: () => tf.zeros(indices!.shape),
    }),
  }),
  rule(tf.ScatterNd, {
    inputs: ["indices"],
    gradients: ({ dy, saved: [indices] }) => ({
      updates: () => tf.gatherND(dy, indices!),
      indices: () => tf.zeros(indices!.shape),
    }),
  }),
  rule(tf.TensorScatterUpdate, {
    inputs: ["indices", "updates"],
    gradients: ({ dy, saved: [indices, updates] }) => ({
      tensor: () => {
        const replaced = tf.scatterND(indices!, tf.ones(updates!.shape), dy.shape);
        return tf.where(tf.greater(replaced, 0), tf.zerosLike(dy), dy);
      },
      updates: () => tf.gatherND(dy, indices!),
      indices: () => tf.zeros(indices!.shape),
    }),
  }),
  rule(tf.SparseToDense, {
    inputs: ["sparseIndices", "sparseValues", "defaultValue"],
    gradients: ({ dy, saved: [indices, values, fallback] }) => {
      const taken = () => tf.gatherND(dy, tf.reshape(indices!, [-1, dy.rank]));
      return {
        sparseValues: () => (values!.rank === 0 ? tf.sum(taken()) : tf.reshape(taken(), values!.shape)),
        defaultValue: () => tf.reshape(tf.sub(tf.sum(dy), tf.sum(taken())), fallback!.shape),
        sparseIndices: () => tf.zeros(indices!.shape),
      };
    },
  }),
  rule<tf.TopKAttrs>(tf.TopK, {
    inputs: ["x"],
    outputs: [false, true],
    gradients: ({ dy, saved: [x, indices] }) => ({
      x: () => sumByIndex(dy, x!.shape, indices!, { axis: x!.rank - 1, batchDims: x!.rank - 1 }),
    }),
  }),
];

/**
 * Adds the gradient of each value that was taken to its source.
 *
 * @param dy - `[batch…, outer…, taken…, inner…]`.
 * @param shape - `[batch…, outer…, size, inner…]`, of what was taken from; `size` at `axis`.
 * @param indices - `[batch…, taken…]` int32.
 */
function sumByIndex(dy: tf.Tensor, shape: number[], indices: tf.Tensor, attributes: tf.GatherV2Attrs): tf.Tensor {
  const axis = fromFront(attributes.axis, shape.length);
  const batchRank = fromFront(attributes.batchDims, indices.rank);
  const size = shape[axis]!;
  const [batch, outer, inner] = [
    product(shape.slice(0, batchRank)),
    product(shape.slice(batchRank, axis)),
    product(shape.slice(axis + 1)),
  ];
  if (dy.size === 0) {
    return tf.zeros(shape);
  }
  const taken = indices.size / batch;
  const rows = swapMiddle(dy, [batch, outer, taken, inner]);
  const sums = sumSegments(
    tf.reshape<tf.Rank.R2>(rows, [batch * taken, outer * inner]),
    placesInBatch(indices, batch, size),
    batch * size,
  );
  return tf.reshape(swapMiddle(sums, [batch, size, outer, inner]), shape);
}

/** `[a, b, c, d]` → `[a, c, b, d]`. */
function swapMiddle(x: tf.Tensor, shape: readonly [number, number, number, number]): tf.Tensor {
  const parts = tf.reshape(x, [...shape]);
  return shape[1] === 1 || shape[2] === 1 ? parts : tf.transpose(parts, [0, 2, 1, 3]);
}

/** Indices within each example as indices into all of them. */
function placesInBatch(indices: tf.Tensor, batch: number, size: number): tf.Tensor1D {
  if (batch === 1) {
    return tf.reshape(indices, [indices.size]);
  }
  const starts = tf.reshape(tf.range(0, batch * size, size, "int32"), [batch, 1]);
  return tf.reshape(tf.add(tf.reshape(indices, [batch, indices.size / batch]), starts), [indices.size]);
}
