import * as tf from "@tensorflow/tfjs-core";
import { type Program, programs } from "./programs.fixture.js";

const around = { from: -1.75, to: 1.75 };
type Pad = "same" | "valid" | number;

const conv2d = (strides: number | [number, number], pad: Pad, dilations: number | [number, number] = 1) =>
  ((x: tf.Tensor4D, filter: tf.Tensor4D) => tf.conv2d(x, filter, strides, pad, "NHWC", dilations)) as Program["run"];
const depthwise = (strides: number | [number, number], pad: Pad, dilations: number | [number, number] = 1) =>
  ((x: tf.Tensor4D, filter: tf.Tensor4D) =>
    tf.depthwiseConv2d(x, filter, strides, pad, "NHWC", dilations)) as Program["run"];
const conv3d = (strides: number, pad: "same" | "valid", dilations: number | [number, number, number] = 1) =>
  ((x: tf.Tensor5D, filter: tf.Tensor5D) => tf.conv3d(x, filter, strides, pad, "NDHWC", dilations)) as Program["run"];
const product = (transposeA = false, transposeB = false) =>
  ((a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, transposeA, transposeB)) as Program["run"];

/** Programs of products and convolutions. */
export const productPrograms: readonly Program[] = [
  ...programs(tf.BatchMatMul, {
    "rank 2": [product(), ["2,3", "3,4"]],
    "a transposed": [product(true), ["3,2", "3,4"]],
    "b transposed": [product(false, true), ["2,3", "4,3"]],
    "both transposed": [product(true, true), ["3,2", "4,3"]],
    batches: [product(), ["2,2,3", "2,3,2"]],
    "shared b": [product(), ["2,2,3", "3,2"]],
    "shared b, transposed": [product(false, true), ["2,2,3", "2,3"]],
    "shared a": [product(), ["2,3", "2,3,2"]],
    "shared a, transposed": [product(true), ["1,3,2", "2,3,2"]],
    "shared a, both transposed": [product(true, true), ["3,2", "2,2,3"]],
  }),
  ...programs(tf.Einsum, {
    "a matrix product": [(a, b) => tf.einsum("ij,jk->ik", a!, b!), ["2,3", "3,4"]],
    "a product transposed": [(a, b) => tf.einsum("ij,jk->ki", a!, b!), ["2,3", "3,4"]],
    "batches, spaces": [(a, b) => tf.einsum("bij , bjk -> bik", a!, b!), ["2,2,3", "2,3,2"]],
    "an axis of one operand alone": [(a, b) => tf.einsum("ij,jk->i", a!, b!), ["2,3", "3,4"]],
    "an outer product": [(a, b) => tf.einsum("i,j->ij", a!, b!), ["2", "3"]],
    "an inner product": [(a, b) => tf.einsum("i,i->", a!, b!), ["3", "3"]],
    transposed: [(a) => tf.einsum("ijk->kij", a!), ["2,3,4"]],
    "summed over an axis": [(a) => tf.einsum("ijk->ki", a!), ["2,3,4"]],
    "summed up": [(a) => tf.einsum("ij->", a!), ["2,3"]],
  }),
  ...programs(tf.Conv2D, {
    valid: [conv2d(1, "valid"), ["2,4,3,2", "2,3,2,2"]],
    same: [conv2d(1, "same"), ["2,4,3,1", "3,2,1,2"]],
    "same, strides": [conv2d([2, 1], "same"), ["2,5,4,1", "3,2,1,2"]],
    padded: [conv2d(2, 1), ["1,5,4,1", "3,3,1,2"]],
    "padded unevenly": [
      ((x: tf.Tensor4D, filter: tf.Tensor4D) =>
        tf.conv2d(x, filter, 1, [
          [0, 0],
          [1, 0],
          [0, 2],
          [0, 0],
        ])) as Program["run"],
      ["1,4,3,1", "2,2,1,2"],
    ],
    dilated: [conv2d(1, "valid", 2), ["2,5,4,1", "2,2,1,2"]],
    "same, dilated": [conv2d(1, "same", [1, 2]), ["1,4,5,2", "2,3,2,1"]],
    "rounded up": [
      ((x: tf.Tensor4D, filter: tf.Tensor4D) => tf.conv2d(x, filter, 2, 0, "NHWC", 1, "ceil")) as Program["run"],
      ["1,4,5,1", "3,3,1,1"],
    ],
    "one dimension": [
      ((x: tf.Tensor3D, filter: tf.Tensor3D) => tf.conv1d(x, filter, 1, "same", "NWC", 2)) as Program["run"],
      ["2,5,2", "3,2,2"],
    ],
  }),
  ...programs(tf.Conv2DBackpropInput, {
    "same, strides": [
      ((x: tf.Tensor4D, filter: tf.Tensor4D) =>
        tf.conv2dTranspose(x, filter, [2, 4, 6, 2], 2, "same")) as Program["run"],
      ["2,2,3,1", "3,2,2,1"],
    ],
    valid: [
      ((x: tf.Tensor4D, filter: tf.Tensor4D) =>
        tf.conv2dTranspose(x, filter, [1, 4, 4, 2], 1, "valid")) as Program["run"],
      ["1,3,2,2", "2,3,2,2"],
    ],
  }),
  ...programs(tf.DepthwiseConv2dNative, {
    valid: [depthwise(1, "valid"), ["2,4,3,2", "2,3,2,2"]],
    "same, strides": [depthwise(2, "same"), ["2,5,4,2", "3,2,2,1"]],
    dilated: [depthwise(1, "same", [2, 1]), ["1,5,4,2", "2,2,2,2"]],
    padded: [depthwise(1, 1), ["1,3,4,2", "2,2,2,1"]],
  }),
  ...programs(tf.Conv3D, {
    valid: [conv3d(1, "valid"), ["2,3,2,3,1", "2,2,2,1,2"]],
    "same, strides": [conv3d(2, "same"), ["1,3,4,2,2", "2,3,2,2,1"]],
    dilated: [conv3d(1, "valid", [2, 1, 2]), ["1,3,2,3,1", "2,2,2,1,1"]],
  }),
  ...programs(tf.Conv3DBackpropInputV2, {
    "same, strides": [
      ((x: tf.Tensor5D, filter: tf.Tensor5D) =>
        tf.conv3dTranspose(x, filter, [1, 4, 2, 2, 1], 2, "same")) as Program["run"],
      ["1,2,1,1,2", "2,2,3,1,2"],
    ],
  }),
  ...programs(tf.Dilation2D, {
    valid: [
      ((x: tf.Tensor4D, filter: tf.Tensor3D) => tf.dilation2d(x, filter, 1, "valid")) as Program["run"],
      ["2,3,4,1", "2,2,1"],
      around,
    ],
    "same, strides": [
      ((x: tf.Tensor4D, filter: tf.Tensor3D) => tf.dilation2d(x, filter, [2, 1], "same")) as Program["run"],
      ["1,4,3,2", "2,3,2"],
      around,
    ],
    dilated: [
      ((x: tf.Tensor4D, filter: tf.Tensor3D) => tf.dilation2d(x, filter, 1, "same", [1, 2])) as Program["run"],
      ["1,4,3,1", "2,2,1"],
      around,
    ],
  }),
];
