import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { inBlocks } from "./blocked-images.js";
import { kernel, type NativeKernel } from "./kernel.js";

// ONNX's Resize rounds positions differently from tfjs. Positions depend on the sizes only, so rows and columns are
// gathered, and gradients are multiplied by the matrix of the same positions.

/** Source positions of the elements of a resized axis: between `low` and `high`, at `fraction`. */
interface Places {
  readonly size: number;
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly fraction: readonly number[];
}

type Shape4D = [number, number, number, number];

const resizeBilinear = kernel<tf.ResizeBilinearAttrs>(tf.ResizeBilinear, ({ input, attrs, graph }) => {
  const images = graph.cast(input("images"), "float32");
  return [1, 2].reduce((x, axis) => {
    const { low, high, fraction } = between(images.shape[axis]!, attrs.size[axis - 1]!, attrs);
    const [first, second] = [low, high].map((at) => graph.gather(x, graph.indices(at), axis)) as [LazyValue, LazyValue];
    const along = graph.constant("float32", axis === 1 ? [low.length, 1, 1] : [low.length, 1], fraction);
    return graph.add(first, graph.mul(graph.sub(second, first), along));
  }, images);
});

const resizeNearest = kernel<tf.ResizeNearestNeighborAttrs>(tf.ResizeNearestNeighbor, ({ input, attrs, graph }) => {
  const images = input("images");
  const places = [1, 2].map((axis) => nearest(images.shape[axis]!, attrs.size[axis - 1]!, attrs));
  const repeated = repeatedInBlocks(graph, images, places);
  if (repeated !== undefined) {
    return repeated;
  }
  return [1, 2].reduce((x, axis) => {
    const { low } = places[axis - 1]!;
    return graph.gather(x, graph.indices(low), axis);
  }, images);
});

// As on cpu, the gradients ignore halfPixelCenters.

const resizeBilinearGrad = kernel<tf.ResizeBilinearGradAttrs>(tf.ResizeBilinearGrad, ({ input, attrs, graph }) =>
  resizeBack(graph, input("images"), input("dy"), (size, resized) =>
    between(size, resized, { ...attrs, halfPixelCenters: false }),
  ),
);

const resizeNearestGrad = kernel<tf.ResizeNearestNeighborGradAttrs>(
  tf.ResizeNearestNeighborGrad,
  ({ input, attrs, graph }) =>
    resizeBack(graph, input("images"), input("dy"), (size, resized) =>
      nearest(size, resized, { ...attrs, halfPixelCenters: false }),
    ),
);

export const resizeKernels: readonly NativeKernel[] = [
  resizeBilinear,
  resizeNearest,
  resizeBilinearGrad,
  resizeNearestGrad,
];

/** Images in blocks of which each row and column is repeated equally often; undefined for other images and places. */
function repeatedInBlocks(graph: GraphBuilder, x: LazyValue, places: readonly Places[]): LazyValue | undefined {
  const factors = places.map(({ size, low }) => low.length / size);
  const isRepeated = places.every(({ low }, axis) => low.every((from, to) => from === Math.floor(to / factors[axis]!)));
  const [blocks] = isRepeated && factors.every(Number.isInteger) ? (inBlocks(graph, [x]) ?? []) : [];
  if (blocks === undefined) {
    return undefined;
  }
  const [batch, channels] = blocks.shape as [number, number];
  const size = places.map(({ low }) => low.length);
  const attributes = { scales: [1, 1, ...factors], mode: "nearest" };
  return graph.fromBlocks(graph.blockNode("Upsample", [blocks], [batch, channels, ...size], attributes));
}

type Modes = Pick<tf.ResizeBilinearAttrs, "alignCorners" | "halfPixelCenters">;

function between(size: number, resized: number, modes: Modes): Places {
  const ratio = sizeRatio(size, resized, modes);
  const sources = Array.from({ length: resized }, (_, i) =>
    modes.halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i,
  );
  const low = sources.map((source) => Math.max(0, Math.floor(source)));
  // Adding 0 makes a zero of the negative zero that Math.ceil can give.
  const high = sources.map((source) => Math.min(size - 1, Math.ceil(source)) + 0);
  return { size, low, high, fraction: sources.map((source, i) => source - low[i]!) };
}

function nearest(size: number, resized: number, modes: Modes): Places {
  const ratio = sizeRatio(size, resized, modes);
  const low = Array.from({ length: resized }, (_, i) => {
    const source = modes.halfPixelCenters ? ratio * (i + 0.5) : ratio * i;
    return Math.max(0, Math.min(size - 1, modes.alignCorners ? Math.round(source) : Math.floor(source)));
  });
  return { size, low, high: low, fraction: low.map(() => 0) };
}

function sizeRatio(size: number, resized: number, { alignCorners }: Modes): number {
  return alignCorners && resized > 1 ? (size - 1) / (resized - 1) : size / resized;
}

function resizeBack(
  graph: GraphBuilder,
  images: LazyValue,
  dy: LazyValue,
  places: (size: number, resized: number) => Places,
): LazyValue {
  const [batch, height, width, channels] = images.shape as Shape4D;
  const [, newHeight, newWidth] = dy.shape as Shape4D;
  const rows = spread(graph, places(height, newHeight));
  const columns = spread(graph, places(width, newWidth));
  const inRows = graph.matMul(rows, graph.reshape(dy, [batch, newHeight, newWidth * channels]));
  const inPlaces = graph.matMul(columns, graph.reshape(inRows, [batch * height, newWidth, channels]));
  return graph.reshape(inPlaces, images.shape);
}

/** `[size, resized]`: the weight of each element in each resized position. */
function spread(graph: GraphBuilder, { size, low, high, fraction }: Places): LazyValue {
  const elements = graph.reshape(graph.iota("int64", size), [size, 1]);
  const at = (places: readonly number[]) =>
    graph.rawCast(graph.binary("Equal", elements, graph.indices(places), "bool"), "float32");
  const share = graph.constant("float32", [fraction.length], fraction);
  return graph.add(graph.mul(at(low), graph.affine(share, -1, 1)), graph.mul(at(high), share));
}
