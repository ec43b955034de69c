import { runsOf } from "../graph/block-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";

/**
 * Passes over images `[batch, height, width, channels]` with numbers for each image and channel, `[batch, channels]` of any
 * shape. Where the images are computed in blocks (see {@link BlockBuilder}), each is one convolution of as many channels as
 * there are in all images, of which none sees another: it reads and writes every value once.
 */

/** Numbers for {@link scaledByImage}. */
export interface ImageScale {
  /** Factor. Absent: 1. */
  readonly slope?: LazyValue;
  /** Summand. */
  readonly shift: LazyValue;
  /** Images to add to the result. */
  readonly plus?: LazyValue;
}

/** `x · slope + shift + plus`. */
export function scaledByImage(graph: GraphBuilder, x: LazyValue, { slope, shift, plus }: ImageScale): LazyValue {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const count = batch * channels;
  const blocks = inBlocks(graph, plus === undefined ? [x] : [x, plus]);
  if (blocks === undefined) {
    const byImage = (values: LazyValue) => graph.reshape(values, [batch, 1, 1, channels]);
    const scaled = graph.add(slope === undefined ? x : graph.mul(x, byImage(slope)), byImage(shift));
    return plus === undefined ? scaled : graph.add(scaled, plus);
  }
  const [image, summand] = blocks.map((each) => graph.reshape(each, [1, count, 1, height * width]));
  const filter =
    slope === undefined ? graph.fill("float32", [count, 1, 1, 1], 1) : graph.reshape(slope, [count, 1, 1, 1]);
  const inputs = [image!, filter, graph.reshape(shift, [count])];
  const result = graph.separately(summand === undefined ? inputs : [...inputs, summand], [1, 1], image!.shape);
  return graph.fromBlocks(graph.reshape(result, [batch, channels, height, width]));
}

/** The sum of `x · y` over the places of each image and channel, `[batch, channels]`. */
export function sumsOfProducts(graph: GraphBuilder, x: LazyValue, y: LazyValue): LazyValue {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const places = height * width;
  const blocks = inBlocks(graph, [x, y]);
  const runs = runsOf(places);
  if (blocks === undefined || runs === undefined) {
    return graph.reduce("ReduceSum", graph.mul(x, y), [1, 2], false);
  }
  // Each run of places counts as a channel, with the other image as its filter.
  const [count, length] = [batch * channels * runs, places / runs];
  const image = graph.reshape(blocks[0]!, [1, count, 1, length]);
  const sums = graph.separately(
    [image, graph.reshape(blocks[1]!, [count, 1, 1, length])],
    [1, length],
    [1, count, 1, 1],
  );
  const block = graph.blockSize!;
  const byRun = graph.reshape(sums, [(batch * channels) / block, runs, block]);
  return graph.reshape(runs === 1 ? byRun : graph.reduce("ReduceSum", byRun, [1], false), [batch, channels]);
}

/** Images in blocks, if one of them is computed so and all can be. */
export function inBlocks(graph: GraphBuilder, images: readonly LazyValue[]): LazyValue[] | undefined {
  const block = graph.blockSize;
  return block !== undefined &&
    images.some((image) => image.inBlocks) &&
    images.every(({ type, shape }) => type === "float32" && shape[3]! % block === 0)
    ? images.map((image) => graph.blocksOf(image))
    : undefined;
}
