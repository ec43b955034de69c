import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";
import { useOnnx } from "../index.js";

type Shape4D = [number, number, number, number];

interface Case {
  readonly x: Shape4D;
  readonly filter: Shape4D;
  readonly strides?: number;
  readonly pad?: "same" | "valid" | number;
}

/** Channels around the sizes of blocks, 8 and 16: fewer, as many, one and a half times, no multiple. */
const cases: readonly Case[] = [
  { x: [16, 6, 6, 16], filter: [3, 3, 16, 16] },
  { x: [16, 6, 5, 16], filter: [3, 2, 16, 32] },
  { x: [9, 6, 6, 16], filter: [3, 3, 16, 24] },
  { x: [1, 6, 6, 32], filter: [3, 3, 32, 16] },
  { x: [16, 8, 8, 3], filter: [4, 4, 3, 16], strides: 2 },
  { x: [16, 8, 8, 16], filter: [4, 4, 16, 3], strides: 2 },
  { x: [17, 8, 6, 20], filter: [4, 4, 20, 12], strides: 2 },
  { x: [16, 7, 7, 16], filter: [3, 3, 16, 16], strides: 2 },
  { x: [16, 7, 7, 16], filter: [3, 3, 16, 16], strides: 2, pad: "valid" },
  { x: [16, 8, 8, 16], filter: [3, 3, 16, 16], strides: 3, pad: "valid" },
  { x: [16, 8, 8, 16], filter: [2, 2, 16, 16], strides: 2 },
  { x: [16, 5, 5, 16], filter: [3, 3, 16, 16], pad: 2 },
  { x: [16, 4, 4, 16], filter: [4, 4, 16, 16], pad: "valid" },
];

const convolve = (x: tf.Tensor, filter: tf.Tensor, { strides = 1, pad = "same" }: Omit<Case, "x" | "filter"> = {}) =>
  tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad);

/** Sums of some thousand products of numbers up to 2. */
const tolerance = 2e-5;

describe("convolutions in blocks of channels", () => {
  it("are recorded on processors whose blocks ONNX Runtime has kernels for", async () => {
    const { graph } = await useOnnx();
    expect([8, 16]).toContain(process.arch === "x64" ? graph.blockSize : 8);
  });

  for (const { x, filter, ...geometry } of cases) {
    const name = `${x} by ${filter}, strides ${geometry.strides ?? 1}, pad ${geometry.pad ?? "same"}`;
    it(`${name}: values and gradients`, async () => {
      const [input, weights] = [() => floats(x), () => floats(filter, -1, 1, 2)];
      await expectParity(() => convolve(input(), weights(), geometry), { tolerance });
      const loss = (a: tf.Tensor, b: tf.Tensor) => tf.square(convolve(a, b, geometry));
      await expectParity(() => tf.grads(loss)([input(), weights()]), { tolerance: 1e-4, absoluteBelow: 10 });
    });
  }

  it("dilated, and of one place", async () => {
    const x = () => tf.relu(convolve(floats([8, 7, 7, 16]), floats([3, 3, 16, 16], -1, 1, 2))) as tf.Tensor4D;
    const filter = floats([3, 3, 16, 16], -1, 1, 3) as tf.Tensor4D;
    await expectParity(() => tf.conv2d(x(), filter, 1, "same", "NHWC", 2), { tolerance });
    const single = (a: tf.Tensor, b: tf.Tensor) => convolve(tf.relu(convolve(floats([8, 7, 7, 16]), a)), b);
    const weights = () => [floats([3, 3, 16, 16], -1, 1, 2), floats([1, 1, 16, 32], -1, 1, 3)];
    await expectParity(() => single(weights()[0]!, weights()[1]!), { tolerance });
    await expectParity(() => tf.grads(single)(weights()), { tolerance: 1e-4, absoluteBelow: 10 });
  });

  it("with bias and activation", async () => {
    const options = {
      filter: floats([3, 3, 16, 20], -1, 1, 2),
      bias: floats([20], -9, 9, 3),
      activation: "relu" as const,
    };
    const run = () =>
      tf.fused.conv2d({ x: floats([3, 6, 6, 16]), strides: 1, pad: "same", ...options } as never) as tf.Tensor;
    await expectParity(run, { tolerance });
  });
});

describe("what is computed from convolutions in blocks", () => {
  const image = () => convolve(floats([5, 6, 4, 16]), floats([3, 3, 16, 16], -0.2, 0.2, 2));
  const operations: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    "with numbers": (x) => tf.add(tf.mul(x, 3), tf.tensor1d([2])),
    "with numbers for each channel": (x) => tf.sub(tf.mul(x, floats([16], 1, 2, 3)), floats([1, 1, 1, 16], -1, 1, 4)),
    "with numbers for each image and channel": (x) => tf.mul(x, floats([5, 1, 1, 16], 1, 2, 3)),
    "with numbers for each place": (x) => tf.mul(x, floats([6, 4, 1], 1, 2, 3)),
    "with numbers for each image": (x) => tf.mul(x, floats([5, 1, 1, 1], 1, 2, 3)),
    "with an image": (x) => tf.add(x, floats([5, 6, 4, 16], 1, 2, 3)),
    "as a smaller operand": (x) => tf.add(tf.slice(x, [0, 0, 0, 0], [1, 6, 4, 16]), floats([5, 6, 4, 16], 1, 2, 3)),
    "with conditions": (x) => tf.where(tf.greater(x, 0.1), x, tf.mul(x, -2)),
    "conditions themselves": (x) => tf.logicalNot(tf.greater(x, tf.scalar(0.1))),
    "counted conditions": (x) => tf.sum(tf.cast(tf.less(x, 0), "int32"), [1, 2]),
    activations: (x) =>
      tf.add(tf.add(tf.elu(x), tf.leakyRelu(x, 0.1)), tf.add(tf.sigmoid(x), tf.clipByValue(x, -0.1, 0.2))),
    "sums over channels": (x) => tf.sum(x, [3]),
    "sums for each channel": (x) => tf.concat([tf.sum(x, [0, 1, 2]), tf.mean(x, [0, 1, 2])]),
    "sums for each image and channel": (x) => tf.add(tf.sum(x, [1, 2]), tf.max(x, [1, 2])),
    "sums for each image": (x) => tf.add(tf.mean(x, [1, 2, 3]), tf.min(x, [1, 2, 3])),
    "the sum of all": (x) => tf.sum(x),
    "kept dimensions": (x) => tf.sub(x, tf.mean(x, [1, 2], true)),
    "maxima of windows": (x) => tf.maxPool(x as tf.Tensor4D, [3, 2], 2, "same"),
    "averages of windows": (x) => tf.avgPool(x as tf.Tensor4D, [3, 2], 1, "same"),
    "averages of windows in the padding": (x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 2),
    "places repeated": (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [18, 8], false, true),
    "places repeated unevenly": (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [9, 8]),
    integers: (x) => tf.cast(tf.mul(x, 9), "int32"),
    reshaped: (x) => tf.mul(tf.reshape(x, [120, 16]), floats([16], 1, 2, 3)),
    transposed: (x) => tf.transpose(x, [0, 3, 1, 2]),
  };
  const conv = (x: tf.Tensor, seed: number) => convolve(x, floats([3, 3, 16, 16], -0.2, 0.2, seed));
  const vector = (seed: number) => floats([16], -1, 1, seed);
  const joined: typeof operations = {
    "scaled, moved and rectified": (x) => tf.relu(tf.add(tf.mul(x, vector(3)), vector(4))),
    "moved, scaled and moved again": (x) => tf.sub(tf.mul(tf.add(x, vector(3)), vector(4)), vector(5)),
    "sums with a scaled part, moved": (x) =>
      tf.add(tf.add(tf.mul(x, vector(3)), tf.mul(tf.relu(x), vector(4))), vector(5)),
    "subtracted from numbers for each channel": (x) => tf.sub(vector(3), x),
    "added to what a convolution gives": (x) => tf.relu(tf.add(conv(x, 5), tf.mul(x, 2))),
    "sums of two convolutions": (x) => tf.relu(tf.add(conv(x, 5), conv(tf.relu(x), 6))),
    "sums of one convolution with itself": (x) => tf.mul(tf.add(x, x), vector(3)),
    "what is read in between": (x) => {
      const sum = tf.add(conv(x, 5), tf.mul(x, vector(3)));
      return tf.concat([x, sum, tf.relu(sum), tf.relu(x)], 0);
    },
    "means of more places than may be added one by one": () => {
      const large = tf.relu(convolve(floats([2, 48, 30, 16]), floats([3, 3, 16, 16], -0.2, 0.2, 2)));
      return tf.concat([tf.mean(large, [1, 2]), tf.sum(large, [1, 2])]);
    },
    "sums of a prime number of places": () => {
      const row = convolve(floats([2, 1, 1033, 16]), floats([1, 3, 16, 16], -0.2, 0.2, 2));
      return tf.concat([tf.mean(row, [0, 1, 2]), tf.sum(row, [0, 1, 2])]);
    },
  };
  Object.assign(operations, joined);
  for (const [name, operation] of Object.entries(operations)) {
    it(name, () => expectParity(() => operation(image()), { tolerance, absoluteBelow: 10 }));
  }

  it("one image", async () => {
    const x = () => convolve(floats([1, 6, 4, 16]), floats([3, 3, 16, 16], -0.2, 0.2, 2));
    await expectParity(() => tf.sub(tf.mul(x(), floats([16], 1, 2, 3)), tf.mean(x(), [0, 1, 2])), { tolerance });
  });

  it("keeps its value when it is read, and in the next step", async () => {
    await useOnnx();
    const held = tf.tidy(() => tf.relu(image()));
    const first = await held.data();
    const next = tf.tidy(() => tf.add(convolve(held, floats([1, 1, 16, 16])), tf.mul(held, 0)));
    await next.data();
    expect(await held.data()).toEqual(first);
    const twice = tf.tidy(() => tf.mul(held, 2));
    expect([...(await twice.data())]).toEqual([...first].map((value) => value * 2));
    tf.dispose([held, next, twice]);
  });
});
