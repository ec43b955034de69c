import * as tf from "@tensorflow/tfjs-core";
import { int, type Program, programs, unary } from "./programs.fixture.js";

const around = { from: -1.75, to: 1.75 };
type Reduction = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

/** A reduction over every axis, negative ones, several at once, and with the axes kept. */
function reduction(kernel: string, reduce: Reduction): Program[] {
  return [undefined, 0, 1, -1, -2, [0, 2], [-1, 0], [2, 1]].flatMap((axis) =>
    [false, true].flatMap((keepDims) =>
      programs(kernel, {
        [`axis ${axis}${keepDims ? ", kept" : ""}`]: [(x) => reduce(x!, axis, keepDims), ["2,3,2"], around],
      }),
    ),
  );
}

type Scan = (x: tf.Tensor, axis?: number, exclusive?: boolean, reverse?: boolean) => tf.Tensor;

function scan(kernel: string, run: Scan): Program[] {
  const modes = [false, true].flatMap((exclusive) => [false, true].map((reverse) => [exclusive, reverse] as const));
  return [0, 1, 2, -1, -2].flatMap((axis) =>
    modes.flatMap(([exclusive, reverse]) =>
      programs(kernel, {
        [`axis ${axis}, exclusive ${exclusive}, reverse ${reverse}`]: [
          (x) => run(x!, axis, exclusive, reverse),
          ["2,3,4"],
          around,
        ],
      }),
    ),
  );
}

/** A value of the tensor made 0, by a mask. */
const withZero = (x: tf.Tensor, zeros: number[]) =>
  tf.mul(x, tf.reshape(tf.tensor1d(Array.from({ length: x.size }, (_, i) => (zeros.includes(i) ? 0 : 1))), x.shape));

const sliced = (...parameters: readonly [number[], number[], number[], ...number[]]) => {
  const [begin, end, strides, ...masks] = parameters;
  return (x: tf.Tensor) => tf.stridedSlice(x, begin, end, strides, ...masks);
};

/** Programs of reductions, movements and indexing. */
export const arrayPrograms: readonly Program[] = [
  ...reduction(tf.Sum, tf.sum),
  ...reduction(tf.Mean, tf.mean),
  ...reduction(tf.Max, tf.max),
  ...reduction(tf.Min, tf.min),
  ...reduction(tf.Prod, tf.prod),
  ...programs(tf.Prod, {
    "one zero": [(x) => tf.prod(tf.add(withZero(x!, [1]), 0), 1), ["2,3"]],
    "two zeros": [(x) => tf.prod(withZero(x!, [1, 2]), 1), ["2,3"]],
  }),
  ...scan(tf.Cumsum, tf.cumsum),
  ...scan(tf.Cumprod, tf.cumprod),
  ...programs(tf.Cumprod, {
    "one zero": [(x) => tf.cumprod(withZero(x!, [2]), 1), ["2,5"]],
    "two zeros, exclusive": [(x) => tf.cumprod(withZero(x!, [1, 3]), 1, true), ["2,5"]],
    "one value": [(x) => tf.cumprod(x!, 0), ["1,3"]],
  }),
  ...unary(tf.Softmax, tf.softmax, around),

  ...unary(tf.Reshape, (x) => tf.reshape(x, [3, 1, 2])),
  ...programs(tf.ExpandDims, {
    "axis 1": [(x) => tf.expandDims(x!, 1), ["2,3"]],
    "axis -1": [(x) => tf.expandDims(x!, -1), ["2,3"]],
  }),
  ...programs(tf.Transpose, {
    "rank 3": [(x) => tf.transpose(x!, [2, 0, 1]), ["2,3,4"]],
    "by default": [(x) => tf.transpose(x!), ["2,3"]],
  }),
  ...programs(tf.Reverse, {
    "axis 1": [(x) => tf.reverse(x!, 1), ["2,3"]],
    "axis -2": [(x) => tf.reverse(x!, -2), ["2,3"]],
    "all axes": [(x) => tf.reverse(x!), ["2,3"]],
  }),
  ...programs(tf.Concat, {
    "axis 0": [(a, b) => tf.concat([a!, b!], 0), ["1,3", "2,3"]],
    "axis -1": [(a, b) => tf.concat([a!, b!], -1), ["2,1", "2,3"]],
    "three parts": [(a, b, c) => tf.concat([a!, b!, c!], 1), ["2,1", "2,3", "2,2"]],
  }),
  ...[0, 1, 2, -1, -2, -3].flatMap((axis) =>
    programs(tf.Pack, {
      [`axis ${axis}`]: [(a, b) => tf.stack([a!, b!], axis), ["2,3", "2,3"]],
    }),
  ),
  ...[0, 1, 2, -1, -2, -3].flatMap((axis) =>
    programs(tf.Unpack, {
      [`axis ${axis}`]: [(x) => tf.mul(tf.unstack(x!, axis).at(-1)!, tf.unstack(x!, axis)[0]!), ["2,3,4"]],
    }),
  ),
  ...programs(tf.Unpack, { "of one": [(x) => tf.unstack(x!, 1)[0]!, ["2,1,3"]] }),
  ...programs(tf.SplitV, {
    "axis 1": [(x) => tf.mul(...(tf.split(x!, 2, 1) as [tf.Tensor, tf.Tensor])), ["2,4"]],
    "axis -1, sizes": [(x) => tf.split(x!, [1, 3], -1)[1]!, ["2,4"]],
    "into one": [(x) => tf.split(x!, 1, 0)[0]!, ["2,4"]],
  }),
  ...programs(tf.Slice, {
    inner: [(x) => tf.slice(x!, [0, 1], [2, 2]), ["2,4"]],
    "to the end": [(x) => tf.slice(x!, [1, 2], [-1, -1]), ["2,4"]],
    "first axis": [(x) => tf.slice(x!, 1), ["3,2"]],
  }),
  ...programs(tf.StridedSlice, {
    strides: [(x) => sliced([0, 1], [2, 7], [1, 3])(x!), ["2,7"]],
    "negative strides": [(x) => sliced([1, 6], [0, 0], [-1, -2])(x!), ["2,7"]],
    masks: [(x) => sliced([1, 1], [1, 1], [1, 2], 2, 3)(x!), ["3,5"]],
    "a new axis": [(x) => sliced([0, 0, 1], [0, 2, 5], [1, 1, 2], 0, 0, 0, 1)(x!), ["2,5"]],
    "an axis less": [(x) => sliced([1, 0], [2, 5], [1, 1], 0, 0, 0, 0, 1)(x!), ["3,5"]],
    "an ellipsis": [(x) => sliced([0, 3], [0, 0], [1, -2], 0, 0, 1)(x!), ["2,3,4"]],
    whole: [(x) => sliced([0, 0], [2, 3], [1, 1])(x!), ["2,3"]],
  }),
  ...programs(tf.PadV2, {
    "rank 1": [(x) => tf.pad(x!, [[2, 1]], 5), ["3"]],
    "rank 3": [
      (x) =>
        tf.pad(x!, [
          [0, 1],
          [2, 0],
          [1, 1],
        ]),
      ["2,3,2"],
    ],
  }),
  ...(["reflect", "symmetric"] as const).flatMap((mode) =>
    programs(tf.MirrorPad, {
      [`${mode}, rank 1`]: [(x) => tf.mirrorPad(x!, [[1, 2]], mode), ["4"]],
      [`${mode}, rank 3`]: [
        (x) =>
          tf.mirrorPad(
            x!,
            [
              [1, 0],
              [2, 1],
              [0, 0],
            ],
            mode,
          ),
        ["2,3,2"],
      ],
      [`${mode}, as wide as it may be`]: [
        (x) => tf.mirrorPad(x!, mode === "reflect" ? [[2, 2]] : [[3, 3]], mode),
        ["3"],
      ],
    }),
  ),
  ...programs(tf.Tile, {
    "rank 1": [(x) => tf.tile(x!, [3]), ["4"]],
    "rank 3": [(x) => tf.tile(x!, [2, 1, 3]), ["2,3,2"]],
    "rank 5": [(x) => tf.tile(x!, [1, 2, 1, 2, 2]), ["1,2,2,1,2"]],
    broadcast: [(x) => tf.broadcastTo(x!, [2, 3, 4]), ["3,1"]],
  }),
  ...programs(tf.SpaceToBatchND, {
    "": [
      (x) =>
        tf.spaceToBatchND(
          x!,
          [2, 3],
          [
            [1, 1],
            [0, 2],
          ],
        ),
      ["2,4,4,1"],
    ],
  }),
  ...programs(tf.BatchToSpaceND, {
    "": [
      (x) =>
        tf.batchToSpaceND(
          x!,
          [2, 3],
          [
            [1, 0],
            [0, 1],
          ],
        ),
      ["6,2,2,2"],
    ],
  }),
  ...programs(tf.DepthToSpace, { "": [(x) => tf.depthToSpace(x as tf.Tensor4D, 2, "NHWC"), ["2,2,3,8"]] }),
  ...programs(tf.FlipLeftRight, { "": [(x) => tf.image.flipLeftRight(x as tf.Tensor4D), ["2,2,3,2"]] }),
  ...programs(tf.Diag, {
    vector: [(x) => tf.diag(x!), ["4"]],
    matrix: [(x) => tf.diag(x!), ["2,3"]],
  }),

  ...[0, 1, 2, -1, -2].flatMap((axis) =>
    programs(tf.GatherV2, {
      [`axis ${axis}`]: [(x) => tf.gather(x!, int([1, 0, 1]), axis), ["2,3,4"]],
      [`axis ${axis}, a matrix of indices`]: [(x) => tf.gather(x!, int([1, 0, 1, 1], [2, 2]), axis), ["2,3,4"]],
    }),
  ),
  ...programs(tf.GatherV2, {
    "one batch axis": [(x) => tf.gather(x!, int([2, 0, 1, 1], [2, 2]), 1, 1), ["2,3"]],
    "one batch axis, a last axis": [(x) => tf.gather(x!, int([2, 0, 1, 1], [2, 2]), 2, 1), ["2,2,3"]],
    "one batch axis, inner axes": [(x) => tf.gather(x!, int([2, 0, 1, 1, 0, 0], [2, 3]), 1, 1), ["2,3,2"]],
    "two batch axes": [(x) => tf.gather(x!, int([2, 0, 1, 1, 0, 2, 2, 2, 1, 0, 0, 1], [2, 3, 2]), 2, 2), ["2,3,3,2"]],
    "indices that depend on the input": [
      (x) => tf.gather(x!, tf.cast(tf.argMax(x!, 1), "int32") as tf.Tensor1D, 1),
      ["2,3"],
    ],
  }),
  ...programs(tf.GatherNd, {
    rows: [(x) => tf.gatherND(x!, int([1, 0, 1], [3, 1])), ["2,3"]],
    values: [(x) => tf.gatherND(x!, int([1, 0, 0, 2, 1, 0], [3, 2])), ["2,3"]],
  }),
  ...programs(tf.ScatterNd, {
    "places met twice": [(x) => tf.scatterND(int([1, 3, 1], [3, 1]), x!, [4, 2]), ["3,2"]],
  }),
  ...programs(tf.TensorScatterUpdate, {
    "": [(x, updates) => tf.tensorScatterUpdate(x!, int([2, 0], [2, 1]), updates!), ["3,2", "2,2"]],
  }),
  ...programs(tf.SparseToDense, {
    vector: [(x, rest) => tf.sparseToDense(int([0, 3]), x!, [4], rest as tf.Scalar), ["2", ""]],
    matrix: [(x, rest) => tf.sparseToDense(int([0, 1, 1, 2], [2, 2]), x!, [2, 3], rest as tf.Scalar), ["2", ""]],
    "one value": [(x, rest) => tf.sparseToDense(int([0, 3]), x!, [4], rest as tf.Scalar), ["", ""]],
  }),
  ...programs(tf.TopK, {
    vector: [(x) => tf.topk(x!, 2).values, ["4"]],
    "rank 3": [(x) => tf.topk(x!, 3).values, ["2,2,4"]],
  }),
  ...programs(tf.UnsortedSegmentSum, {
    vector: [(x) => tf.unsortedSegmentSum(x!, tf.tensor1d([1, 0, 1], "int32"), 2), ["3"]],
    "rank 3, a negative segment": [(x) => tf.unsortedSegmentSum(x!, tf.tensor1d([1, -1, 1], "int32"), 3), ["3,2,2"]],
  }),
];
