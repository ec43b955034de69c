import * as tf from "@tensorflow/tfjs-core";
import { padAxes, product } from "./axes.js";
import { gatherSpread, spread } from "./spread.js";

/** The windows along one axis of an image. */
export interface WindowAxis {
  readonly size: number;
  readonly filter: number;
  readonly stride: number;
  /** Padding before the image. */
  readonly before: number;
  readonly windows: number;
}

// Gradients of windows by ordinary operations, a place of the window at a time: for backends whose kernels for them are
// missing or wrong. Images are `[batch, …axes, channels]`.

/** The image with all that its windows reach. */
export function padToWindows(x: tf.Tensor, axes: readonly WindowAxis[], value = 0): tf.Tensor {
  const padding = axes.map((axis): [number, number] => [axis.before, paddedSize(axis) - axis.before - axis.size]);
  return padAxes(x, [[0, 0], ...padding, [0, 0]], value);
}

export function paddedSize({ size, filter, stride, before, windows }: WindowAxis): number {
  return Math.max(before + size, (windows - 1) * stride + filter);
}

/** What every window has at one place: `[batch, …windows, channels]`. */
export function valuesAt(padded: tf.Tensor, axes: readonly WindowAxis[], place: readonly number[]): tf.Tensor {
  const [batch, channels] = [padded.shape[0]!, padded.shape.at(-1)!];
  const begin = [0, ...place, 0];
  const lengths = axes.map(({ windows, stride }) => (windows - 1) * stride + 1);
  if (padded.rank > 4) {
    // tfjs's webgl and webgpu have no strided slice of more than four axes.
    const reached = tf.slice(padded, begin, [batch, ...lengths, channels]);
    return axes.reduce<tf.Tensor>((values, { stride }, i) => gatherSpread(values, i + 1, stride), reached);
  }
  const end = lengths.map((length, i) => place[i]! + length);
  return tf.stridedSlice(padded, begin, [batch, ...end, channels], [1, ...axes.map(({ stride }) => stride), 1]);
}

/** The inverse of {@link valuesAt}, zeros where no window has this place; shaped as the image without its padding. */
export function putAt(values: tf.Tensor, axes: readonly WindowAxis[], place: readonly number[]): tf.Tensor {
  const apart = axes.reduce((image, { stride }, i) => spread(image, i + 1, stride), values);
  const padding = axes.map((axis, i): [number, number] => [
    place[i]!,
    paddedSize(axis) - place[i]! - apart.shape[i + 1]!,
  ]);
  const padded = padAxes(apart, [[0, 0], ...padding, [0, 0]]);
  return tf.slice(
    padded,
    [0, ...axes.map(({ before }) => before), 0],
    [values.shape[0]!, ...axes.map(({ size }) => size), values.shape.at(-1)!],
  );
}

/** Every place of a window, the last axis fastest; `distances` apart along each axis. */
export function placesOf(counts: readonly number[], distances: readonly number[]): number[][] {
  return counts.reduce<number[][]>(
    (places, count, axis) =>
      places.flatMap((place) => Array.from({ length: count }, (_, i) => [...place, i * distances[axis]!])),
    [[]],
  );
}

/** The gradient of the maximum of each window, which goes to the first of equals. */
export function maximumByPlaces(dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor, axes: readonly WindowAxis[]): tf.Tensor {
  const padded = padToWindows(x, axes, Number.NEGATIVE_INFINITY);
  const places = placesOf(
    axes.map(({ filter }) => filter),
    axes.map(() => 1),
  );
  let open: tf.Tensor = tf.onesLike(y);
  return places.reduce<tf.Tensor>((sum, place) => {
    const chosen = tf.mul(tf.cast(tf.equal(valuesAt(padded, axes, place), y), "float32"), open);
    open = tf.sub(open, chosen);
    return tf.add(sum, putAt(tf.mul(dy, chosen), axes, place));
  }, tf.zerosLike(x));
}

type Operands = readonly [dy: tf.Tensor, x: tf.Tensor, filter: tf.Tensor];

/** The windows of a convolution, and how far apart the weights of its filter are. */
interface Windows {
  readonly axes: readonly WindowAxis[];
  readonly distances: readonly number[];
}

/** The gradient of a filter of shape `[…counts, inChannels, outChannels]`. */
export function filterByPlaces(
  [dy, x]: readonly [dy: tf.Tensor, x: tf.Tensor],
  filterShape: number[],
  { axes, distances }: Windows,
): tf.Tensor {
  const padded = padToWindows(x, axes);
  const rows = tf.reshape(dy, [-1, dy.shape.at(-1)!]);
  const slopes = placesOf(filterShape.slice(0, axes.length), distances).map((place) =>
    tf.matMul(tf.reshape(valuesAt(padded, axes, place), [-1, x.shape.at(-1)!]), rows, true, false),
  );
  return tf.reshape(tf.concat(slopes), filterShape);
}

/** The gradients of a depthwise convolution with a filter `[height, width, inChannels, multiplier]`. */
export function depthwiseByPlaces(
  [dy, x, filter]: Operands,
  { axes, distances }: Windows,
): { x: () => tf.Tensor; filter: () => tf.Tensor } {
  const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
  const places = placesOf([height, width], distances);
  const rows = tf.reshape(dy, [-1, channels, multiplier]);
  return {
    x: () => {
      const weights = tf.reshape(filter, [height * width, channels, multiplier]);
      return places.reduce<tf.Tensor>((sum, place, i) => {
        const weight = tf.slice(weights, [i, 0, 0], [1, channels, multiplier]);
        const values = tf.reshape(tf.sum(tf.mul(rows, weight), 2), [...dy.shape.slice(0, 3), channels]);
        return tf.add(sum, putAt(values, axes, place));
      }, tf.zerosLike(x));
    },
    filter: () => {
      const padded = padToWindows(x, axes);
      const slopes = places.map((place) => {
        const values = tf.reshape(valuesAt(padded, axes, place), [product(dy.shape.slice(0, 3)), channels, 1]);
        return tf.sum(tf.mul(rows, values), 0);
      });
      return tf.reshape(tf.concat(slopes), filter.shape);
    },
  };
}
