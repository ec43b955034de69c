import type { Random } from "@mmgen/core";
import { customGradient, drawnTensor } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";

/** Kinds of augmentation, in the order in which they are applied. */
export const augmentationNames = ["color", "translation", "cutout"] as const;

/**
 * A kind of augmentation, drawn anew for each image. `color`: brightness ±0.5, saturation × 0 to 2, contrast × 0.5 to 1.5;
 * `translation`: up to an eighth of each side, zeros coming in; `cutout`: a rectangle of half the sides becomes 0.
 */
export type AugmentationName = (typeof augmentationNames)[number];

/** Changes images; borrows them, and the result belongs to the surrounding `tf.tidy`. */
export type ImageChange = (images: tf.Tensor4D) => tf.Tensor4D;

const maxShift = 1 / 8;
const cutShare = 1 / 2;

/**
 * Draws an augmentation for a batch, to be applied alike to the originals and to their reconstructions, of which a
 * discriminator then sees more than the data set has. Gradients pass through it.
 *
 * Called within a `tf.tidy`, to which the draws belong, small tensors of {@link drawnTensor}; the images are changed within
 * the same one.
 *
 * @param names - What to draw; the order does not matter.
 * @param shape - `[batch, height, width, channels]` of the images, pixels in [−1, 1].
 * @see Zhao et al. 2020, https://arxiv.org/abs/2006.10738
 */
export function drawAugmentation(
  names: readonly AugmentationName[],
  shape: readonly [number, number, number, number],
  random: Random,
): ImageChange {
  const draws = { color: drawColors, translation: drawTranslation, cutout: drawCutout };
  const changes = augmentationNames
    .filter((name) => names.includes(name))
    .map((name) => draws[name](shape, random.fork(name)));
  return (images) => changes.reduce((changed, change) => change(changed), images);
}

type Shape = readonly [batch: number, height: number, width: number, channels: number];

function drawColors([batch]: Shape, random: Random): ImageChange {
  const draw = (name: string, low: number, high: number) =>
    drawnTensor(random.fork(name), {
      shape: [batch, 1, 1, 1],
      dtype: "float32",
      draw: (stream) => stream.uniforms(batch, low, high),
    });
  const brightness = draw("brightness", -0.5, 0.5);
  const saturation = draw("saturation", 0, 2);
  const contrast = draw("contrast", 0.5, 1.5);
  const around = (x: tf.Tensor4D, axes: number[], factor: tf.Tensor) => {
    const mean = tf.mean(x, axes, true);
    return tf.add(tf.mul(tf.sub(x, mean), factor), mean) as tf.Tensor4D;
  };
  return (images) => around(around(tf.add(images, brightness), [3], saturation), [1, 2, 3], contrast);
}

/**
 * Each image is moved by gathering its pixels: a place that shows no pixel shows one of the row and column of zeros that
 * are put after the last. Moving back is the gradient, as each pixel shows at one place at most.
 */
function drawTranslation([batch, height, width]: Shape, random: Random): ImageChange {
  const sizes = [height, width];
  const length = height + width;
  const tables = drawnTensor(random, {
    shape: [2, batch, length],
    dtype: "int32",
    draw(stream) {
      const places = new Int32Array(2 * batch * length);
      for (let image = 0; image < batch; image++) {
        const moves = sizes.map((size) => {
          const max = Math.round(size * maxShift);
          return stream.integer(2 * max + 1) - max;
        });
        for (const [way, sign] of [1, -1].entries()) {
          const start = (way * batch + image) * length;
          fillSources(places.subarray(start, start + height), sign * moves[0]!);
          fillSources(places.subarray(start + height, start + length), sign * moves[1]!);
        }
      }
      return places;
    },
  });
  const [there, back] = tf.unstack(tables) as [tf.Tensor2D, tf.Tensor2D];
  return (images) =>
    customGradient([images], {
      forward: (images) => ({ value: gathered(images, there), saved: [] }),
      gradient: (dy) => [gathered(dy, back)],
    });
}

/** The row (or column) that each of `places` shows after a move by `move`; the one after the last where there is none. */
function fillSources(places: Int32Array, move: number): void {
  for (let place = 0; place < places.length; place++) {
    const source = place - move;
    places[place] = source >= 0 && source < places.length ? source : places.length;
  }
}

/** @param sources - For each image the rows and then the columns to show, `[batch, height + width]`. */
function gathered(images: tf.Tensor4D, sources: tf.Tensor2D): tf.Tensor4D {
  const [batch, height, width, channels] = images.shape;
  return tf.tidy(() => {
    const padded = tf.pad(images, [
      [0, 0],
      [0, 1],
      [0, 1],
      [0, 0],
    ]);
    const [rows, columns] = tf.split(sources, [height, width], 1) as [tf.Tensor2D, tf.Tensor2D];
    const first = tf.mul(tf.range(0, batch, 1, "int32"), tf.scalar(height + 1, "int32"));
    const rowStarts = tf.mul(tf.add(rows, tf.expandDims(first, 1)), tf.scalar(width + 1, "int32"));
    const places = tf.add(tf.expandDims(rowStarts, 2), tf.expandDims(columns, 1)); // [batch, height, width]
    const pixels = tf.reshape(padded, [batch * (height + 1) * (width + 1), channels]);
    return tf.reshape(tf.gather(pixels, tf.reshape<tf.Rank.R1>(tf.cast(places, "int32"), [-1])), images.shape);
  });
}

function drawCutout([batch, height, width]: Shape, random: Random): ImageChange {
  const length = height + width;
  const inside = drawnTensor(random, {
    shape: [batch, length],
    dtype: "float32",
    draw(stream) {
      const cut = new Float32Array(batch * length);
      for (let image = 0; image < batch; image++) {
        const start = image * length;
        for (const side of [cut.subarray(start, start + height), cut.subarray(start + height, start + length)]) {
          const size = Math.round(side.length * cutShare);
          const first = stream.integer(side.length + 1 - (size % 2)) - Math.floor(size / 2);
          side.fill(1, Math.max(0, first), Math.max(0, first + size));
        }
      }
      return cut;
    },
  });
  const [rows, columns] = tf.split(inside, [height, width], 1) as [tf.Tensor2D, tf.Tensor2D];
  const cut = tf.mul(tf.reshape(rows, [batch, height, 1, 1]), tf.reshape(columns, [batch, 1, width, 1]));
  const kept = tf.sub(1, cut);
  return (images) => tf.mul(images, kept);
}
