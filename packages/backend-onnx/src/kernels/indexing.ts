import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { checkIndices, checkPlaces, like } from "./check-indices.js";
import { kernel, type NativeKernel } from "./kernel.js";

/** Up to this many segments, a sum is a product with a one-hot matrix, which is faster than a scatter on one thread. */
const maxOneHotSegments = 1024;

const gatherV2 = kernel<tf.GatherV2Attrs>(tf.GatherV2, ({ input, attrs, graph }) => {
  const [x, indices] = [input("x"), input("indices")];
  if (indices.type !== "int32") {
    return undefined;
  }
  const axis = tf.util.parseAxisParam(attrs.axis, [...x.shape])[0]!;
  checkIndices(indices, x.shape[axis]!);
  const places = withoutNegative(graph, indices, x.shape[axis]!);
  return attrs.batchDims ? gatherInBatches(graph, x, places, axis, attrs.batchDims) : graph.gather(x, places, axis);
});

const gatherNd = kernel(tf.GatherNd, ({ input, graph }) => {
  const [x, indices] = [input("params"), input("indices")];
  const depth = indices.shape[indices.shape.length - 1]!;
  if (indices.type !== "int32" || depth === 0) {
    return undefined;
  }
  tf.backend_util.prepareAndValidate(like(x), like(indices));
  checkPlaces(indices, x.shape.slice(0, depth));
  return graph.gatherNd(x, graph.cast(indices, "int64"));
});

const oneHot = kernel<tf.OneHotAttrs>(tf.OneHot, ({ input, attrs, graph }) => {
  const hot = isHot(graph, input("indices"), attrs.depth);
  const type = attrs.dtype === "int32" || attrs.dtype === "bool" ? attrs.dtype : "float32";
  if (attrs.onValue === 1 && attrs.offValue === 0) {
    return graph.rawCast(hot, type);
  }
  const number = type === "bool" ? "int32" : type;
  return graph.cast(graph.where(hot, graph.scalar(number, attrs.onValue), graph.scalar(number, attrs.offValue)), type);
});

const unsortedSegmentSum = kernel<tf.UnsortedSegmentSumAttrs>(tf.UnsortedSegmentSum, ({ input, attrs, graph }) => {
  // tfjs returns floats also for integers.
  const [x, segmentIds] = [graph.cast(input("x"), "float32"), input("segmentIds")];
  const { numSegments } = attrs;
  if (segmentIds.type !== "int32" || numSegments === 0) {
    return undefined;
  }
  const rows = segmentIds.size;
  const inner = x.shape.slice(segmentIds.shape.length);
  const width = inner.reduce((product, size) => product * size, 1);
  const values = graph.reshape(x, [rows, width]);
  const ids = graph.reshape(segmentIds, [rows]);
  return graph.reshape(
    numSegments <= maxOneHotSegments
      ? // A negative id equals no segment.
        graph.matMul(graph.rawCast(isHot(graph, ids, numSegments), "float32"), values, true, false)
      : scatterSum(graph, values, ids, numSegments, width),
    [numSegments, ...inner],
  );
});

export const indexingKernels: readonly NativeKernel[] = [gatherV2, gatherNd, oneHot, unsortedSegmentSum];

/** Moves negative indices past the end, so that they fail: ONNX counts them from the end, tfjs refuses them. */
function withoutNegative(graph: GraphBuilder, indices: LazyValue, size: number): LazyValue {
  const { producer } = indices;
  // An index found by ArgMax is cast, or looked up among the indices.
  const source =
    producer?.op === "Cast" ? producer.inputs[0] : producer?.op === "Gather" ? producer.inputs[1] : indices;
  if (indices.resident?.host != null || /^Arg(Max|Min)$/.test(source!.producer?.op ?? "")) {
    return indices;
  }
  const negative = graph.binary("Less", indices, graph.scalar("int32", 0), "bool");
  return graph.where(negative, graph.scalar("int32", size), indices);
}

/**
 * Gathers with separate indices for each batch, none of them negative: offsets them to index into the elements of all
 * batches.
 */
function gatherInBatches(graph: GraphBuilder, x: LazyValue, indices: LazyValue, axis: number, batchDims: number) {
  const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(like(x), like(indices), axis, batchDims);
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info;
  const count = indices.size / batchSize;
  const rows = graph.transpose(graph.reshape(x, [batchSize, outerSize, dimSize, sliceSize]), [0, 2, 1, 3]);
  const first = graph.mul(graph.iota("int32", batchSize), graph.scalar("int32", dimSize));
  const inBatch = graph.reshape(indices, [batchSize, count]);
  const inAll = graph.add(inBatch, graph.reshape(first, [batchSize, 1]));
  // A computed index beyond its batch would find a row of the next: let it fail.
  const isInside = () => graph.binary("Less", inBatch, graph.scalar("int32", dimSize), "bool");
  const places =
    indices.resident?.host != null ? inAll : graph.where(isInside(), inAll, graph.scalar("int32", batchSize * dimSize));
  const found = graph.gather(graph.reshape(rows, [batchSize * dimSize, outerSize, sliceSize]), places, 0);
  return graph.reshape(graph.transpose(found, [0, 2, 1, 3]), outputShape);
}

/** One-hot booleans `[..., depth]`; an index outside of the depth gives only false. */
function isHot(graph: GraphBuilder, indices: LazyValue, depth: number): LazyValue {
  const places = graph.constant(
    "int32",
    [depth],
    Array.from({ length: depth }, (_, i) => i),
  );
  return graph.binary("Equal", graph.reshape(graph.cast(indices, "int32"), [...indices.shape, 1]), places, "bool");
}

/** Sums rows by segment; rows with an invalid id go to an extra row, which is cut off. */
function scatterSum(graph: GraphBuilder, values: LazyValue, ids: LazyValue, segments: number, width: number) {
  const rows = ids.size;
  const last = graph.scalar("int32", segments);
  const negative = graph.binary("Less", ids, graph.scalar("int32", 0), "bool");
  const targets = graph.binary("Min", graph.where(negative, last, ids), last);
  const places = graph.expand(graph.reshape(targets, [rows, 1]), [rows, width]);
  const zeros = graph.fill(values.type, [segments + 1, width], 0);
  const sums = graph.node("ScatterElements", [zeros, places, values], values.type, [segments + 1, width], {
    attributes: { axis: 0, reduction: "add" },
  });
  return graph.slice(sums, [0, 0], [segments, width]);
}
