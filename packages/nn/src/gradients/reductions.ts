import * as tf from "@tensorflow/tfjs-core";
import { aroundAxis, product } from "../functions/axes.js";
import { fromFront, rule } from "./rule.js";

interface ScanAttributes {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** Gradients of reductions over axes, and of running sums and products. */
export const reductionRules: readonly tf.GradConfig[] = [
  rule<tf.MaxAttrs>(tf.Max, {
    inputs: ["x"],
    outputs: [true],
    gradients: ({ dy, saved: [x, y], attributes }) => ({
      x: () => shareAmongEquals(dy, x!, y!, attributes.reductionIndices),
    }),
  }),
  rule<tf.MinAttrs>(tf.Min, {
    inputs: ["x"],
    outputs: [true],
    gradients: ({ dy, saved: [x, y], attributes }) => ({ x: () => shareAmongEquals(dy, x!, y!, attributes.axis) }),
  }),
  rule<tf.ProdAttrs>(tf.Prod, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes }) => ({ x: () => gradientOfProduct(dy, x!, attributes.axis) }),
  }),
  rule<ScanAttributes>(tf.Cumsum, {
    gradients: ({ dy, attributes: { axis, exclusive, reverse } }) => ({
      x: () => {
        const at = fromFront(axis, dy.rank);
        return reverse ? tf.cumsum(dy, at, exclusive) : fromEnd(tf.cumsum, dy, at, exclusive);
      },
    }),
  }),
  rule<ScanAttributes>(tf.Cumprod, {
    inputs: ["x"],
    gradients: ({ dy, saved: [x], attributes }) => ({ x: () => gradientOfRunningProduct(dy, x!, attributes) }),
  }),
];

/** The gradient goes to the values that equal the result, in equal shares. */
function shareAmongEquals(dy: tf.Tensor, x: tf.Tensor, y: tf.Tensor, axis: number | number[]): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const mask = tf.cast(tf.equal(x, tf.reshape(y, kept)), "float32");
  // tfjs's webgpu casts by renaming, and cannot transpose the integers below, as a sum over outer axes does.
  const equals = tf.getBackend() === "webgpu" ? tf.mul(mask, 1) : mask;
  return tf.mul(tf.div(tf.reshape(dy, kept), tf.sum(equals, axes, true)), equals);
}

/**
 * Running sums or products from the end of an axis.
 *
 * Not by tfjs's `reverse`: on webgpu that is compiled for the first length it meets, and then used for every other.
 */
function fromEnd(scan: typeof tf.cumsum, x: tf.Tensor, axis: number, exclusive: boolean): tf.Tensor {
  return tf.reverse(scan(tf.reverse(x, axis), axis, exclusive), axis);
}

/** Each value's factor is the product of those before it and of those after it, so that zeros need no division. */
function gradientOfProduct(dy: tf.Tensor, x: tf.Tensor, axis: number | number[]): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const order = [...x.shape.keys()].sort((a, b) => Number(axes.includes(a)) - Number(axes.includes(b)) || a - b);
  const moved = tf.transpose(x, order);
  const rows = tf.reshape(moved, [dy.size, product(axes.map((i) => x.shape[i]!))]);
  const others = tf.mul(tf.cumprod(rows, 1, true), fromEnd(tf.cumprod, rows, 1, true));
  const gradient = tf.reshape(tf.mul(others, tf.reshape(dy, [dy.size, 1])), moved.shape);
  return tf.transpose(gradient, inverse(order));
}

function inverse(order: readonly number[]): number[] {
  return [...order.keys()].map((axis) => order.indexOf(axis));
}

/**
 * With b(k) the product of the values before k, the gradient of value k is b(k) · s(k), where
 * s(k) = dy(k) + x(k+1) · s(k+1). The recurrence is solved by doubling: log₂ n steps, no division by values that may
 * be 0.
 */
function gradientOfRunningProduct(dy: tf.Tensor, x: tf.Tensor, { axis, exclusive, reverse }: ScanAttributes) {
  const at = fromFront(axis, x.rank);
  const flip = (values: tf.Tensor3D) => (reverse ? tf.reverse(values, 1) : values);
  const values = flip(aroundAxis(tf.cast(x, "float32"), at));
  const gradient = flip(aroundAxis(dy, at));
  let sums = exclusive ? later(gradient, 1) : gradient;
  let factors = later(values, 1);
  for (let step = 1; step < values.shape[1]; step *= 2) {
    sums = tf.add(sums, tf.mul(factors, later(sums, step)));
    factors = tf.mul(factors, later(factors, step));
  }
  return tf.reshape(flip(tf.mul(tf.cumprod(values, 1, true), sums)), x.shape);
}

/** What stands `step` places later along the middle axis, 0 past the end. */
function later(values: tf.Tensor3D, step: number): tf.Tensor3D {
  const [before, size, after] = values.shape;
  const kept = Math.max(0, size - step);
  const rest = tf.slice(values, [0, size - kept, 0], [before, kept, after]);
  return tf.pad(rest, [
    [0, 0],
    [0, size - kept],
    [0, 0],
  ]);
}
