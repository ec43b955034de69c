import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { booleans, expectParity, floats, integers } from "../engine/parity.fixture.js";

/** Operations that only move elements, run on every dtype. */
const moves: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor | tf.Tensor[], boolean?])[] = [
  ["transpose", (x) => tf.transpose(x)],
  ["transpose twice", (x) => tf.transpose(tf.transpose(x, [2, 0, 1]), [1, 2, 0])],
  ["transpose by a permutation", (x) => tf.transpose(x, [1, 0, 2])],
  ["reshape", (x) => tf.reshape(x, [4, -1])],
  ["reshape of a transpose", (x) => tf.reshape(tf.transpose(x), [-1])],
  ["expandDims", (x) => tf.expandDims(x, 1)],
  ["squeeze", (x) => tf.squeeze(tf.expandDims(x, 0))],
  ["slice", (x) => tf.slice(x, [0, 1, 1], [2, 2, -1])],
  ["slice of everything", (x) => tf.slice(x, [0, 0, 0], [2, 3, 4])],
  ["slice of nothing", (x) => tf.slice(x, [0, 1, 1], [2, 0, 2])],
  ["stridedSlice", (x) => tf.stridedSlice(x, [0, 2, 0], [2, -4, 4], [1, -1, 2])],
  ["stridedSlice that drops an axis", (x) => tf.stridedSlice(x, [1, 0, 1], [2, 2, 3], [1, 1, 1], 0, 0, 0, 0, 1)],
  ["stridedSlice with a new axis", (x) => tf.stridedSlice(x, [0, 0], [0, 2], [1, 1], 0, 0, 0, 1, 0)],
  ["split", (x) => tf.split(x, [1, 2], 1)],
  ["split evenly", (x) => tf.split(x, 2, -1)],
  ["concat", (x) => tf.concat([x, x], 1)],
  ["concat of one", (x) => tf.concat([x], 0)],
  ["stack", (x) => tf.stack([x, x], 1)],
  ["stack on a negative axis", (x) => tf.stack([x, x], -2)],
  ["unstack", (x) => tf.unstack(x, 1)],
  ["tile", (x) => tf.tile(x, [1, 2, 3])],
  ["reverse", (x) => tf.reverse(x, [0, 2])],
  ["reverse of no axis", (x) => tf.reverse(x, [])],
  ["gather", (x) => tf.gather(x, tf.tensor1d([2, 0, 2], "int32"), 1)],
  ["gather rows by a matrix", (x) => tf.gather(x, tf.tensor2d([1, 0, 0, 1], [2, 2], "int32"))],
  ["clone", (x) => tf.clone(x)],
];

describe("operations that move elements", () => {
  for (const [name, move] of moves) {
    it(`${name}: float32, int32, bool`, async () => {
      await expectParity(() => move(floats([2, 3, 4])));
      await expectParity(() => move(integers([2, 3, 4])));
      await expectParity(() => move(booleans([2, 3, 4])));
    });
  }

  it("gradients", async () => {
    const differentiable = ["transpose", "reshape", "slice", "concat", "stack", "tile", "reverse", "gather", "split"];
    for (const [name, move] of moves.filter(([name]) => differentiable.includes(name))) {
      const first = (x: tf.Tensor) => tf.square([move(x)].flat()[0]!);
      await expectParity(() => tf.grad(first)(floats([2, 3, 4])), { tolerance: 1e-5 }).catch((error: Error) => {
        throw new Error(`${name}: ${error.message}`);
      });
    }
  });

  it("without elements, or some without", async () => {
    await expectParity(() => {
      const empty = tf.zeros([0, 4]);
      return [
        tf.slice(empty, [0, 1], [0, 2]),
        ...tf.split(empty, 2, 1),
        tf.concat([empty, floats([2, 4])]),
        tf.concat([empty, tf.zeros([0, 2])], 1),
      ];
    });
  });

  it("pad and mirrorPad", async () => {
    const paddings: [number, number][] = [
      [1, 0],
      [2, 1],
    ];
    await expectParity(() => [
      tf.pad(floats([2, 3]), paddings),
      tf.pad(floats([2, 3]), paddings, -1.5),
      tf.pad(integers([2, 3]), paddings, 7),
      tf.pad(
        floats([2, 3]),
        paddings.map(() => [0, 0] as [number, number]),
      ),
      tf.mirrorPad(floats([3, 3]), paddings, "reflect"),
    ]);
    await expectParity(() => [
      tf.mirrorPad(floats([3, 3]), paddings, "symmetric"),
      tf.mirrorPad(booleans([3, 3]), paddings, "reflect"),
      tf.image.flipLeftRight(floats([2, 3, 4, 1]) as tf.Tensor4D),
    ]);
    await expectParity(() => tf.pad(booleans([2, 3]), paddings));
    await expectParity(() => tf.grad((x) => tf.pad(x as tf.Tensor2D, paddings))(floats([2, 3])));
  });

  it("where, with rows, scalars and gradients", async () => {
    await expectParity(() => [
      tf.where(booleans([2, 3]), floats([2, 3]), floats([2, 3], 5, 6)),
      tf.where(booleans([2, 1]), floats([2, 3]), tf.scalar(0)),
      tf.where(booleans([3]), integers([3]), integers([3], 10, 20)),
      tf.where(booleans([3]), booleans([3], 2), booleans([3], 3)),
    ]);
    await expectParity(() => {
      const condition = booleans([2, 3]);
      const choose = (a: tf.Tensor, b: tf.Tensor) => tf.where(condition, a, b);
      return tf.grads(choose)([floats([2, 3]), floats([2, 3], 5, 6)]);
    });
  });

  it("cast between all pairs, truncating, and NaN to 0", async () => {
    for (const from of [floats([7], -3, 3), integers([7], -3, 3), booleans([7])]) {
      const [shape, dtype, data] = [from.shape, from.dtype, [...from.dataSync()]];
      for (const to of ["float32", "int32", "bool"] as const) {
        await expectParity(() => tf.cast(tf.tensor(data, shape, dtype), to));
      }
    }
    await expectParity(() => tf.cast(tf.tensor1d([Number.NaN, 1.9, -1.9, 0.5]), "int32"));
    await expectParity(() => tf.cast(tf.tensor1d([Number.NaN, 0, -0.5]), "bool"));
  });

  it("fill, zerosLike, onesLike, addN", async () => {
    await expectParity(() => [
      tf.fill([2, 3], 2.5),
      tf.fill([2], 3, "int32"),
      tf.fill([], -1),
      tf.fill([0, 2], 1),
      tf.zerosLike(floats([2, 2])),
      tf.onesLike(integers([2, 2])),
      tf.zerosLike(booleans([3])),
      tf.diag(floats([2, 3])),
      tf.diag(booleans([3])),
      tf.addN([floats([3]), floats([3], 0, 1, 2), floats([3], 0, 1, 3)]),
    ]);
  });
});
