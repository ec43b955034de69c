import * as tf from "@tensorflow/tfjs-core";
import { kernel, type NativeKernel } from "./kernel.js";

const { getReshaped, getPermuted, getReshapedPermuted, getSliceBeginCoords, getSliceSize } = tf.backend_util;

const spaceToBatch = kernel<tf.SpaceToBatchNDAttrs>(tf.SpaceToBatchND, ({ input, attrs, graph }) => {
  const x = input("x");
  const { blockShape, paddings } = attrs;
  const size = tf.util.sizeFromShape(blockShape);
  const rest = x.shape.slice(1 + blockShape.length).map(() => [0, 0] as const);
  const padded = graph.pad(x, [[0, 0], ...(paddings as [number, number][]), ...rest], 0);
  const shape = [...padded.shape];
  const blocks = graph.reshape(padded, getReshaped(shape, blockShape, size, false));
  const turned = graph.transpose(blocks, getPermuted(blocks.shape.length, blockShape.length, false));
  return graph.reshape(turned, getReshapedPermuted(shape, blockShape, size, false));
});

const batchToSpace = kernel<tf.BatchToSpaceNDAttrs>(tf.BatchToSpaceND, ({ input, attrs, graph }) => {
  const x = input("x");
  const { blockShape, crops } = attrs;
  const size = tf.util.sizeFromShape(blockShape);
  const shape = [...x.shape];
  const blocks = graph.reshape(x, getReshaped(shape, blockShape, size));
  const turned = graph.transpose(blocks, getPermuted(blocks.shape.length, blockShape.length));
  const whole = getReshapedPermuted(shape, blockShape, size);
  const rest = whole.slice(1 + blockShape.length);
  const begin = [...getSliceBeginCoords(crops, blockShape.length), ...rest.map(() => 0)];
  return graph.slice(graph.reshape(turned, whole), begin, [...getSliceSize(whole, crops, blockShape.length), ...rest]);
});

const depthToSpace = kernel<tf.DepthToSpaceAttrs>(tf.DepthToSpace, ({ input, attrs, graph }) => {
  const x = input("x");
  const { blockSize, dataFormat } = attrs;
  if (dataFormat !== "NHWC") {
    return undefined;
  }
  const [batch, height, width, depth] = x.shape as [number, number, number, number];
  const channels = depth / blockSize ** 2;
  const blocks = graph.reshape(x, [batch, height, width, blockSize, blockSize, channels]);
  return graph.reshape(graph.transpose(blocks, [0, 1, 3, 2, 4, 5]), [
    batch,
    height * blockSize,
    width * blockSize,
    channels,
  ]);
});

export const blockKernels: readonly NativeKernel[] = [spaceToBatch, batchToSpace, depthToSpace];
