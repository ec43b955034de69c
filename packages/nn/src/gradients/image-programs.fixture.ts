import * as tf from "@tensorflow/tfjs-core";
import { type Program, programs, unary } from "./programs.fixture.js";

const around = { from: -1.75, to: 1.75 };
type Pad = "same" | "valid" | number;

const pads: readonly (readonly [filter: number | [number, number], stride: number | [number, number], pad: Pad])[] = [
  [2, 1, "valid"],
  [2, 2, "same"],
  [3, 1, "same"],
  [[3, 2], [1, 2], "same"],
  [[2, 3], [2, 1], 1],
  [1, 2, "same"],
];

/** Pooling of two images, not square, by each kind of window. */
function pooling(kernel: string, pool: (x: tf.Tensor4D, window: (typeof pads)[number]) => tf.Tensor): Program[] {
  return pads.flatMap((window) =>
    programs(kernel, {
      [`filter ${window[0]}, stride ${window[1]}, ${window[2]}`]: [
        (x) => pool(x as tf.Tensor4D, window),
        ["2,5,4,1"],
        { from: -1.75, to: -0.25 },
      ],
    }),
  );
}

type Resize = (x: tf.Tensor4D, size: [number, number], alignCorners?: boolean, halfPixels?: boolean) => tf.Tensor;

function resizing(kernel: string, resize: Resize): Program[] {
  const sizes: readonly [number, number][] = [
    [4, 6],
    [5, 7],
    [3, 2],
    [1, 1],
    [2, 3],
  ];
  const modes = [
    [false, false],
    [true, false],
    [false, true],
  ] as const;
  return sizes.flatMap((size) =>
    modes.flatMap(([alignCorners, halfPixels]) =>
      programs(kernel, {
        [`to ${size}, align ${alignCorners}, half pixels ${halfPixels}`]: [
          (x) => resize(x as tf.Tensor4D, size, alignCorners, halfPixels),
          ["2,2,3,2"],
        ],
      }),
    ),
  );
}

const batchNorm = ((x: tf.Tensor4D, mean: tf.Tensor, variance: tf.Tensor, offset?: tf.Tensor, scale?: tf.Tensor) =>
  tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D)) as (
  ...inputs: tf.Tensor[]
) => tf.Tensor;
/** Programs of pooling, resizing and normalization. */
export const imagePrograms: readonly Program[] = [
  ...pooling(tf.AvgPool, (x, [filter, stride, pad]) => tf.avgPool(x, filter, stride, pad)),
  ...pooling(tf.MaxPool, (x, [filter, stride, pad]) => tf.maxPool(x, filter, stride, pad)),
  ...programs(tf.AvgPool, {
    "rounded up": [(x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 0, "ceil"), ["1,3,4,1"]],
    "one image": [(x) => tf.avgPool(x as tf.Tensor3D, 3, 1, "same"), ["3,4,2"]],
  }),
  ...programs(tf.MaxPool, {
    "rounded up": [(x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 0, "ceil"), ["1,3,4,1"]],
    "one image": [(x) => tf.maxPool(x as tf.Tensor3D, 3, 1, "same"), ["3,4,2"]],
  }),
  ...programs(tf.MaxPoolWithArgmax, {
    "": [(x) => tf.maxPoolWithArgmax(x as tf.Tensor4D, 2, 2, "same").result!, ["2,3,4,2"]],
  }),
  ...programs(tf.AvgPool3D, {
    valid: [(x) => tf.avgPool3d(x as tf.Tensor5D, 2, 1, "valid"), ["2,2,3,2,1"]],
    same: [(x) => tf.avgPool3d(x as tf.Tensor5D, [2, 3, 2], [1, 2, 1], "same"), ["1,3,4,2,1"]],
    "one volume": [(x) => tf.avgPool3d(x as tf.Tensor4D, 2, 2, "same"), ["3,2,3,1"]],
  }),
  ...programs(tf.MaxPool3D, {
    valid: [(x) => tf.maxPool3d(x as tf.Tensor5D, 2, 1, "valid"), ["2,2,3,2,1"]],
    same: [(x) => tf.maxPool3d(x as tf.Tensor5D, [2, 3, 2], [1, 2, 1], "same"), ["1,3,4,2,1"]],
  }),
  ...resizing(tf.ResizeBilinear, tf.image.resizeBilinear),
  ...resizing(tf.ResizeNearestNeighbor, tf.image.resizeNearestNeighbor),
  ...programs(tf.ResizeNearestNeighbor, {
    "a single row, aligned": [(x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [3, 4], true), ["2,1,2,1"]],
  }),
  ...programs(tf.FusedBatchNorm, {
    "by channels": [batchNorm, ["2,2,3,2", "2", "2", "2", "2"]],
    "without scale and offset": [batchNorm, ["2,2,3,2", "2", "2"]],
    "statistics of rank 4": [batchNorm, ["2,2,3,2", "1,1,1,2", "1,1,1,2", "1,1,1,2", "1,1,1,2"]],
    "of one shape": [batchNorm, ["2,3", "2,3", "2,3", "2,3", "2,3"]],
  }),
  ...programs(tf.LRN, {
    "": [(x) => tf.localResponseNormalization(x as tf.Tensor4D, 1, 1.5, 0.7, 0.6), ["2,2,1,4"]],
    "one image": [(x) => tf.localResponseNormalization(x as tf.Tensor3D, 2), ["1,2,4"]],
  }),
  ...unary(tf.LogSoftmax, tf.logSoftmax, around),
];
