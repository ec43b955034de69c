import * as tf from "@tensorflow/tfjs-core";
import { kernel, type NativeKernel } from "./kernel.js";

const topK = kernel<tf.TopKAttrs>(tf.TopK, ({ input, attrs, graph }) => {
  const x = input("x");
  const shape = [...x.shape.slice(0, -1), attrs.k];
  if (x.type === "bool") {
    return undefined;
  }
  if (attrs.k === 0) {
    return [graph.empty(x.type, shape), graph.empty("int32", shape)];
  }
  const [values, indices] = graph.nodes(
    "TopK",
    [x, graph.indices([attrs.k])],
    [
      { type: x.type, shape },
      { type: "int64", shape },
    ],
    { attributes: { axis: shape.length - 1, largest: 1, sorted: 1 } },
  ) as [typeof x, typeof x];
  return [values, graph.smallIndices(indices, x.shape.at(-1)!)];
});

/** The insertion position of a value is the number of elements of the sorted row before it. */
const searchSorted = kernel<tf.SearchSortedAttrs>(tf.SearchSorted, ({ input, attrs, graph }) => {
  const [sequence, values] = [input("sortedSequence"), input("values")];
  if (sequence.type !== values.type || sequence.type === "bool") {
    return undefined;
  }
  const [rows, length] = sequence.shape as [number, number];
  const before = graph.binary(
    attrs.side === "left" ? "Less" : "LessOrEqual",
    graph.reshape(sequence, [rows, 1, length]),
    graph.reshape(values, [...values.shape, 1]),
    "bool",
  );
  return graph.reduce("ReduceSum", graph.rawCast(before, "int32"), [2], false);
});

export const sortingKernels: readonly NativeKernel[] = [topK, searchSorted];
