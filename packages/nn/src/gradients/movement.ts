import * as tf from "@tensorflow/tfjs-core";
import { aroundAxis, padAxes, product } from "../functions/axes.js";
import { spread } from "../functions/spread.js";
import { fromFront, rule } from "./rule.js";

/** Gradients of operations that move, repeat or leave out values. */
export const movementRules: readonly tf.GradConfig[] = [
  rule<tf.TileAttrs>(tf.Tile, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes: { reps } }) => ({ x: () => sumCopies(dy, x!.shape, reps) }),
  }),
  rule<tf.MirrorPadAttrs>(tf.MirrorPad, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes: { paddings, mode } }) => ({
      x: () =>
        paddings.reduce(
          (gradient, padding, axis) => foldMirrors(gradient, x!.shape[axis]!, { axis, padding, mode }),
          dy,
        ),
    }),
  }),
  // tfjs passes no list where there is a single output.
  rule<tf.SplitVAttrs>(tf.SplitV, {
    gradients: ({ dys, attributes: { axis } }) => ({ x: () => tf.concat([...dys], axis) }),
  }),
  rule<tf.UnpackAttrs>(tf.Unpack, {
    gradients: ({ dys, attributes: { axis } }) => ({
      value: () => tf.stack([...dys], fromFront(axis, dys[0]!.rank + 1)),
    }),
  }),
  rule<tf.StridedSliceAttrs>(tf.StridedSlice, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes }) => ({ x: () => putBack(dy, x!.shape, attributes) }),
  }),
  rule<tf.DepthToSpaceAttrs>(tf.DepthToSpace, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes }) => ({ x: () => spaceToDepth(dy, x!.shape, attributes) }),
  }),
  rule(tf.FlipLeftRight, { gradients: ({ dy }) => ({ image: () => tf.reverse(dy, 2) }) }),
  rule(tf.Diag, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x] }) => ({
      x: () => {
        const places = tf.range(0, x!.size * (x!.size + 1), x!.size + 1, "int32");
        return tf.reshape(tf.gather(tf.reshape(dy, [-1]), places), x!.shape);
      },
    }),
  }),
];

function sumCopies(dy: tf.Tensor, shape: readonly number[], copies: readonly number[]): tf.Tensor {
  let sum = dy;
  copies.forEach((count, axis) => {
    if (count !== 1) {
      const { shape: now } = sum;
      const split = [product(now.slice(0, axis)), count, shape[axis]! * product(now.slice(axis + 1))];
      const left = now.map((size, i) => (i === axis ? shape[axis]! : size));
      sum = tf.reshape(tf.sum(tf.reshape(sum, split), 1), left);
    }
  });
  return tf.reshape(sum, [...shape]);
}

interface Mirrors {
  readonly axis: number;
  readonly padding: readonly [number, number];
  readonly mode: "reflect" | "symmetric";
}

/** Adds the gradients of the mirrored values at both ends of an axis to those of the values they mirror. */
function foldMirrors(dy: tf.Tensor, size: number, { axis, padding: [before, after], mode }: Mirrors): tf.Tensor {
  if (before + after === 0) {
    return dy;
  }
  // How far the mirror is from the edge: "reflect" does not repeat the outermost value.
  const edge = mode === "reflect" ? 1 : 0;
  const values = aroundAxis(dy, axis);
  const [rows, , columns] = values.shape;
  const part = (begin: number, count: number) => tf.slice(values, [0, begin, 0], [rows, count, columns]);
  const mirrored = (begin: number, count: number, place: number) =>
    tf.pad(tf.reverse(part(begin, count), 1), [
      [0, 0],
      [place, size - place - count],
      [0, 0],
    ]);
  let sum = part(before, size);
  if (before > 0) {
    sum = tf.add(sum, mirrored(0, before, edge));
  }
  if (after > 0) {
    sum = tf.add(sum, mirrored(before + size, after, size - edge - after));
  }
  return tf.reshape(
    sum,
    dy.shape.map((length, i) => (i === axis ? size : length)),
  );
}

/** Puts the values of a strided slice back to where they were taken from, zeros between them. */
function putBack(dy: tf.Tensor, shape: number[], attributes: tf.StridedSliceAttrs): tf.Tensor {
  if (dy.size === 0) {
    return tf.zeros(shape);
  }
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
  const slice = tf.slice_util.sliceInfo(
    shape,
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  const counts = tf.slice_util.computeOutShape(slice.begin, slice.end, slice.strides);
  return counts.reduce<tf.Tensor>(
    (gradient, count, axis) => {
      const [first, stride, size] = [slice.begin[axis]!, slice.strides[axis]!, shape[axis]!];
      const ordered = stride < 0 ? tf.reverse(gradient, axis) : gradient;
      const place = stride < 0 ? first + (count - 1) * stride : first;
      const apart = spread(ordered, axis, Math.abs(stride));
      const after = size - place - apart.shape[axis]!;
      return padAxes(
        apart,
        shape.map((_, i) => (i === axis ? [place, after] : [0, 0])),
      );
    },
    tf.reshape(dy, counts),
  );
}

function spaceToDepth(dy: tf.Tensor, shape: number[], { blockSize: block, dataFormat }: tf.DepthToSpaceAttrs) {
  if (dataFormat === "NCHW") {
    const [batch, , height, width] = shape as [number, number, number, number];
    const blocks = tf.reshape(dy, [batch, dy.shape[1]!, height, block, width, block]);
    return tf.reshape(tf.transpose(blocks, [0, 3, 5, 1, 2, 4]), shape);
  }
  const [batch, height, width] = shape as [number, number, number, number];
  const blocks = tf.reshape(dy, [batch, height, block, width, block, dy.shape[3]!]);
  return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4, 5]), shape);
}
