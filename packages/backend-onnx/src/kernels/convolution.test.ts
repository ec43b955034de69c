import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";
import { useOnnx } from "../index.js";

const tolerance = 2e-5;

interface Case {
  readonly size: number;
  readonly filter: [number, number, number, number];
  readonly strides: number;
  readonly pad: "same" | "valid" | number;
}

const cases: readonly Case[] = [
  { size: 6, filter: [3, 3, 2, 4], strides: 1, pad: "same" },
  { size: 7, filter: [3, 3, 2, 4], strides: 2, pad: "same" },
  { size: 8, filter: [4, 4, 2, 3], strides: 2, pad: "same" },
  { size: 8, filter: [4, 4, 2, 3], strides: 2, pad: 1 },
  { size: 7, filter: [2, 3, 2, 3], strides: 2, pad: "valid" },
  { size: 5, filter: [1, 1, 2, 3], strides: 1, pad: "same" },
  { size: 5, filter: [1, 1, 2, 3], strides: 2, pad: "valid" },
  { size: 4, filter: [4, 4, 2, 3], strides: 1, pad: "valid" },
  { size: 3, filter: [3, 3, 1, 1], strides: 1, pad: "same" },
];

describe.each([
  ["in blocks of channels where they can be", true],
  ["without blocks, as on other devices", false],
])("convolutions %s", (_, usesBlocks) => {
  beforeAll(async () => {
    (await useOnnx()).graph.usesBlocks = usesBlocks;
  });
  afterAll(async () => {
    (await useOnnx()).graph.usesBlocks = true;
  });

  for (const { size, filter, strides, pad } of cases) {
    it(`${size}², filter ${filter}, strides ${strides}, pad ${pad}: values and gradients`, async () => {
      const x = () => floats([2, size, size, filter[2]]) as tf.Tensor4D;
      const w = () => floats(filter, -1, 1, 2) as tf.Tensor4D;
      const convolve = (a: tf.Tensor, b: tf.Tensor) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad);
      await expectParity(() => convolve(x(), w()), { tolerance });
      await expectParity(() => tf.grads((a, b) => tf.square(convolve(a, b)))([x(), w()]), { tolerance: 1e-4 });
    });
  }

  it.skipIf(usesBlocks)("of so many patches that ONNX Runtime's own operators do the work", async () => {
    // 1500² windows of 4×4 places are more than the 2²⁵ numbers that are laid out.
    const x = () => floats([1, 1500, 1500, 1]) as tf.Tensor4D;
    const w = () => floats([4, 4, 1, 1], -1, 1, 2) as tf.Tensor4D;
    const wide = () => tf.conv2d(x(), w(), 1, "same");
    await expectParity(() => tf.slice(wide(), [0, 700, 0, 0], [1, 3, 1500, 1]), { tolerance });
    const narrow = (a: tf.Tensor) => tf.conv2d(a as tf.Tensor4D, w(), 1, "same");
    await expectParity(() => tf.slice(tf.grad(narrow)(x()), [0, 700, 0, 0], [1, 3, 1500, 1]), { tolerance });
  });

  it("dilations", async () => {
    await expectParity(
      () =>
        tf.conv2d(
          floats([1, 7, 7, 2]) as tf.Tensor4D,
          floats([3, 3, 2, 3], -1, 1, 2) as tf.Tensor4D,
          1,
          "same",
          "NHWC",
          2,
        ),
      { tolerance },
    );
  });

  it("transposed convolution with its gradients", async () => {
    const w = () => floats([4, 4, 2, 3], -1, 1, 2) as tf.Tensor4D;
    const up = (a: tf.Tensor, b: tf.Tensor) =>
      tf.conv2dTranspose(a as tf.Tensor4D, b as tf.Tensor4D, [2, 8, 8, 2], 2, "same");
    await expectParity(() => up(floats([2, 4, 4, 3]), w()), { tolerance });
    await expectParity(() => tf.grads(up)([floats([2, 4, 4, 3]), w()]), { tolerance });
  });

  it("transposed convolution that needs only a part of its input", async () => {
    await expectParity(
      () =>
        tf.conv2dTranspose(
          floats([1, 8, 8, 2]) as tf.Tensor4D,
          floats([3, 3, 2, 2], -1, 1, 2) as tf.Tensor4D,
          [1, 4, 4, 2],
          1,
          "same",
        ),
      { tolerance },
    );
  });

  it("one image without a batch axis, conv1d", async () => {
    await expectParity(
      () => [
        tf.conv2d(floats([5, 5, 2]) as tf.Tensor3D, floats([3, 3, 2, 2]) as tf.Tensor4D, 1, "same"),
        tf.conv1d(floats([2, 6, 2]) as tf.Tensor3D, floats([3, 2, 2]) as tf.Tensor3D, 1, "same"),
      ],
      { tolerance },
    );
  });

  it("fused convolution", async () => {
    for (const activation of ["linear", "relu", "sigmoid"] as const) {
      await expectParity(
        () =>
          tf.fused.conv2d({
            x: floats([1, 5, 5, 2]) as tf.Tensor4D,
            filter: floats([3, 3, 2, 3], -1, 1, 2) as tf.Tensor4D,
            strides: 1,
            pad: "same",
            bias: floats([3]),
            activation,
          }),
        { tolerance },
      );
    }
  });

  it("batch normalization with its gradients", async () => {
    const normalize = (x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor, offset: tf.Tensor, scale: tf.Tensor) =>
      tf.batchNorm(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
        1e-3,
      );
    const inputs = () => [
      floats([2, 3, 3, 4]),
      floats([4]),
      floats([4], 0.5, 2),
      floats([4], -1, 1, 3),
      floats([4], 0.5, 1),
    ];
    await expectParity(() => (normalize as (...x: tf.Tensor[]) => tf.Tensor)(...inputs()), { tolerance });
    await expectParity(() => tf.grads(normalize as (...x: tf.Tensor[]) => tf.Tensor)(inputs()), { tolerance: 1e-4 });
  });

  it("a kernel without a native version runs on the cpu backend's code", async () => {
    await expectParity(() => tf.maxPool(floats([1, 4, 4, 2]) as tf.Tensor4D, 2, 2, "valid"), { fallback: ["MaxPool"] });
  });

  it("channels first", async () => {
    const x = () => floats([2, 3, 5, 6]) as tf.Tensor4D;
    const w = () => floats([3, 2, 3, 4], -1, 1, 2) as tf.Tensor4D;
    await expectParity(() => [tf.conv2d(x(), w(), 1, "same", "NCHW"), tf.conv2d(x(), w(), 2, "valid", "NCHW")], {
      tolerance,
    });
    const bias = () => floats([4], -1, 1, 3) as tf.Tensor1D;
    const options = { strides: 1, pad: "same", dataFormat: "NCHW", activation: "prelu" } as const;
    await expectParity(
      () => tf.fused.conv2d({ x: x(), filter: w(), bias: bias(), preluActivationWeights: bias(), ...options }),
      { tolerance },
    );
  });

  it("three dimensions, with gradients", async () => {
    for (const [strides, pad] of [
      [1, "same"],
      [2, "same"],
      [2, "valid"],
    ] as const) {
      const x = () => floats([2, 4, 5, 3, 2]) as tf.Tensor5D;
      const w = () => floats([2, 3, 2, 2, 3], -1, 1, 2) as tf.Tensor5D;
      const convolve = (a: tf.Tensor, b: tf.Tensor) => tf.conv3d(a as tf.Tensor5D, b as tf.Tensor5D, strides, pad);
      await expectParity(() => convolve(x(), w()), { tolerance });
      await expectParity(() => tf.grads((a, b) => tf.square(convolve(a, b)))([x(), w()]), { tolerance: 1e-4 });
    }
  });
});
