import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { checkPlaces, like } from "./check-indices.js";
import { kernel, type NativeKernel } from "./kernel.js";

const scatterNd = kernel<tf.ScatterNdAttrs>(tf.ScatterNd, ({ input, attrs, graph }) => {
  const [indices, updates] = [input("indices"), input("updates")];
  tf.backend_util.calculateShapes(like(updates), like(indices), attrs.shape);
  const target = graph.fill(updates.type, attrs.shape, 0);
  return updates.type === "bool" ? undefined : scatter(graph, target, indices, updates, "add");
});

const tensorScatterUpdate = kernel(tf.TensorScatterUpdate, ({ input, graph }) => {
  const [tensor, indices, updates] = [input("tensor"), input("indices"), input("updates")];
  tf.backend_util.calculateShapes(like(updates), like(indices), [...tensor.shape]);
  return tensor.type === updates.type ? scatter(graph, tensor, indices, updates, "none") : undefined;
});

const sparseToDense = kernel<tf.SparseToDenseAttrs>(tf.SparseToDense, ({ input, attrs, graph }) => {
  const [indices, values, otherwise] = [input("sparseIndices"), input("sparseValues"), input("defaultValue")];
  const { outputShape } = attrs;
  if (values.type !== otherwise.type) {
    return undefined;
  }
  const target = graph.expand(otherwise, outputShape);
  const count = indices.shape.length < 2 ? indices.size : indices.shape[0]!;
  return scatter(graph, target, indices, graph.expand(values, [count]), "none");
});

export const scatterKernels: readonly NativeKernel[] = [scatterNd, tensorScatterUpdate, sparseToDense];

/** Writes `updates` into `target` at rows of indices into its first axes; a scalar or vector is one index per row. */
function scatter(
  graph: GraphBuilder,
  target: LazyValue,
  indices: LazyValue,
  updates: LazyValue,
  reduction: "add" | "none",
): LazyValue | undefined {
  if (indices.type !== "int32" || target.shape.includes(0)) {
    return undefined;
  }
  const rows = indices.shape.length < 2 ? graph.reshape(indices, [indices.size, 1]) : indices;
  const depth = rows.shape[rows.shape.length - 1]!;
  checkPlaces(indices, target.shape.slice(0, depth));
  const shape = [...rows.shape.slice(0, -1), ...target.shape.slice(depth)];
  const inputs = [target, graph.cast(rows, "int64"), graph.reshape(updates, shape)];
  return graph.node("ScatterND", inputs, target.type, target.shape, { attributes: { reduction } });
}
