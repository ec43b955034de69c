import * as tf from "@tensorflow/tfjs-core";
import { rule, runKernel } from "./rule.js";

/** Gradients of resized images, `[batch, height, width, channels]`. */
export const resizingRules: readonly tf.GradConfig[] = [
  rule<tf.ResizeBilinearAttrs>(tf.ResizeBilinear, {
    inputs: ["images"],
    gradients: ({ dy, saved: [images], attributes }) => ({
      images: () => {
        const [, height, width] = images!.shape as Shape4D;
        // The gradient kernels know no half pixels; of what they compute, cpu's exchanges height and width in the shape.
        return attributes.halfPixelCenters
          ? resizeBack(dy, images!.shape as Shape4D, [
              between(height, dy.shape[1]!, attributes),
              between(width, dy.shape[2]!, attributes),
            ])
          : tf.reshape(runKernel(tf.ResizeBilinearGrad, { dy, images: images! }, attributes), images!.shape);
      },
    }),
  }),
  // The gradient kernel of cpu is wrong from the second image on, and searches without end for a single row that is
  // resized with aligned corners.
  rule<tf.ResizeNearestNeighborAttrs>(tf.ResizeNearestNeighbor, {
    inputs: ["images"],
    gradients: ({ dy, saved: [images], attributes }) => ({
      images: () => {
        const [, height, width] = images!.shape as Shape4D;
        return resizeBack(dy, images!.shape as Shape4D, [
          nearest(height, dy.shape[1]!, attributes),
          nearest(width, dy.shape[2]!, attributes),
        ]);
      },
    }),
  }),
];

type Shape4D = [number, number, number, number];
type Modes = Pick<tf.ResizeBilinearAttrs, "alignCorners" | "halfPixelCenters">;

/** What one place of a resized axis is made of: a share of two of the original's places. */
interface Source {
  readonly low: number;
  readonly high: number;
  /** How far from `low` to `high`, 0 to 1. */
  readonly fraction: number;
}

function between(size: number, resized: number, modes: Modes): Source[] {
  const ratio = sizeRatio(size, resized, modes);
  return Array.from({ length: resized }, (_, i) => {
    const place = modes.halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i;
    const low = Math.max(0, Math.floor(place));
    return { low, high: Math.min(size - 1, Math.max(0, Math.ceil(place))), fraction: place - low };
  });
}

function nearest(size: number, resized: number, modes: Modes): Source[] {
  const ratio = sizeRatio(size, resized, modes);
  return Array.from({ length: resized }, (_, i) => {
    const place = modes.halfPixelCenters ? ratio * (i + 0.5) : ratio * i;
    const low = Math.max(0, Math.min(size - 1, modes.alignCorners ? Math.round(place) : Math.floor(place)));
    return { low, high: low, fraction: 0 };
  });
}

function sizeRatio(size: number, resized: number, { alignCorners }: Modes): number {
  return alignCorners && resized > 1 ? (size - 1) / (resized - 1) : size / resized;
}

function resizeBack(dy: tf.Tensor, shape: Shape4D, [rows, columns]: readonly [Source[], Source[]]): tf.Tensor {
  const [batch, height, width, channels] = shape;
  const inRows = collect(tf.reshape(dy, [batch, rows.length, columns.length * channels]), height, rows);
  const inPlaces = collect(tf.reshape(inRows, [batch * height, columns.length, channels]), width, columns);
  return tf.reshape(inPlaces, shape);
}

/** Adds what the places of the middle axis, `[before, resized, after]`, are worth to the `size` that they came from. */
function collect(dy: tf.Tensor3D, size: number, sources: readonly Source[]): tf.Tensor {
  const [before, resized, after] = dy.shape;
  const copies = resized / size;
  if (
    sources.every(({ low, fraction }, i) => fraction === 0 && low === Math.floor(i / copies)) &&
    resized % size === 0
  ) {
    // Each value was repeated equally often, as by an upsampling layer.
    return tf.sum(tf.reshape(dy, [before, size, copies, after]), 2);
  }
  const shares = new Float32Array(size * resized);
  sources.forEach(({ low, high, fraction }, i) => {
    shares[low * resized + i]! += 1 - fraction;
    shares[high * resized + i]! += fraction;
  });
  return tf.matMul(tf.tensor3d(shares, [1, size, resized]), dy);
}
