import * as tf from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import { kernel } from "./kernel.js";

type Shape4D = [number, number, number, number];

export const cropAndResize = kernel<tf.CropAndResizeAttrs>(tf.CropAndResize, ({ input, attrs, graph }) => {
  const image = graph.cast(input("image"), "float32");
  const [boxes, boxImages] = [input("boxes"), input("boxInd")];
  const [batch, height, width, channels] = image.shape as Shape4D;
  const [cropHeight, cropWidth] = attrs.cropSize;
  const count = boxes.shape[0]!;
  const y = places(graph, boxes, 0, height, cropHeight);
  const x = places(graph, boxes, 1, width, cropWidth);
  const inside = graph.binary(
    "And",
    graph.reshape(isInside(graph, y, height), [count, cropHeight, 1]),
    graph.reshape(isInside(graph, x, width), [count, 1, cropWidth]),
    "bool",
  );
  const rows = graph.reshape(image, [batch * height * width, channels]);
  // A box of a missing image stays empty; the gather must not read outside.
  const absent = graph.binary("GreaterOrEqual", boxImages, graph.scalar("int32", batch), "bool");
  const first = graph.mul(
    graph.where(absent, graph.scalar("int32", 0), boxImages),
    graph.scalar("int32", height * width),
  );
  const pixels = (row: LazyValue, column: LazyValue) => {
    const rowStart = graph.mul(within(graph, row, height), graph.scalar("int32", width));
    const inImage = graph.add(
      graph.reshape(rowStart, [count, cropHeight, 1]),
      graph.reshape(within(graph, column, width), [count, 1, cropWidth]),
    );
    return graph.gather(rows, graph.add(inImage, graph.reshape(first, [count, 1, 1])), 0);
  };
  let crop: LazyValue;
  if (attrs.method === "bilinear") {
    const [top, bottom] = [graph.unary("Floor", y), graph.unary("Ceil", y)];
    const [left, right] = [graph.unary("Floor", x), graph.unary("Ceil", x)];
    const along = graph.cast(graph.reshape(graph.sub(x, left), [count, 1, cropWidth, 1]), "float32");
    const down = graph.cast(graph.reshape(graph.sub(y, top), [count, cropHeight, 1, 1]), "float32");
    const above = between(graph, pixels(top, left), pixels(top, right), along);
    const below = between(graph, pixels(bottom, left), pixels(bottom, right), along);
    crop = between(graph, above, below, down);
  } else {
    // As Math.round: halves go up.
    const rounded = (at: LazyValue) => graph.unary("Floor", graph.affine(at, 1, 0.5));
    crop = pixels(rounded(y), rounded(x));
  }
  const filled = graph.where(
    graph.reshape(inside, [count, cropHeight, cropWidth, 1]),
    crop,
    graph.scalar("float32", attrs.extrapolationValue),
  );
  return graph.where(graph.reshape(absent, [count, 1, 1, 1]), graph.scalar("float32", 0), filled);
});

/** `[boxes, cropSize]`: the position of each row or column of a crop in the image, in pixels. */
function places(graph: GraphBuilder, boxes: LazyValue, axis: 0 | 1, size: number, cropSize: number): LazyValue {
  // In doubles and in tfjs's order: the last digit can decide which of two pixels is nearest.
  const edge = (side: number) => graph.cast(graph.slice(boxes, [0, side], [boxes.shape[0]!, 1]), "float64");
  const [start, end] = [edge(axis), edge(axis + 2)];
  if (cropSize === 1) {
    return graph.affine(graph.affine(graph.add(start, end), 0.5, 0), size - 1, 0);
  }
  const last = graph.scalar("float64", cropSize - 1);
  const step = graph.div(graph.affine(graph.sub(end, start), size - 1, 0), last);
  const steps = graph.rawCast(graph.iota("int32", cropSize), "float64");
  return graph.add(graph.affine(start, size - 1, 0), graph.mul(step, steps));
}

function isInside(graph: GraphBuilder, at: LazyValue, size: number): LazyValue {
  const notBefore = graph.binary("GreaterOrEqual", at, graph.scalar(at.type, 0), "bool");
  return graph.binary(
    "And",
    notBefore,
    graph.binary("LessOrEqual", at, graph.scalar(at.type, size - 1), "bool"),
    "bool",
  );
}

/** Positions as indices; those outside, whose pixels are not used, are clamped to the edge. */
function within(graph: GraphBuilder, at: LazyValue, size: number): LazyValue {
  return graph.cast(graph.clip(at, 0, size - 1), "int32");
}

function between(graph: GraphBuilder, a: LazyValue, b: LazyValue, fraction: LazyValue): LazyValue {
  return graph.add(a, graph.mul(graph.sub(b, a), fraction));
}
