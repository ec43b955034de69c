import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

beforeEach(async () => {
  tf.env().set("IS_TEST", true);
  await tf.setBackend("cpu");
  tf.engine().startScope();
});
afterEach(() => tf.engine().endScope());

/** The gradient of the sum of `run`. */
function gradient(run: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): number[] {
  return [
    ...tf
      .grad((values) => tf.sum(run(values)))(x)
      .dataSync(),
  ];
}

describe("gradients where differences say nothing", () => {
  it("share the gradient of a maximum among equals, so that it sums to 1 for each result", () => {
    const x = tf.tensor2d([
      [3, 3, 1],
      [2, 2, 2],
    ]);
    expect(gradient((values) => tf.max(values, 1), x).map((value) => Number(value.toFixed(6)))).toEqual([
      0.5, 0.5, 0, 0.333333, 0.333333, 0.333333,
    ]);
    expect(gradient((values) => tf.min(values, 0, true), x)).toEqual([0, 0, 1, 1, 1, 0]);
    expect(gradient((values) => tf.min(values), tf.ones([4]))).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it.each([
    ["maximum", tf.maximum],
    ["minimum", tf.minimum],
  ] as const)("give the gradient of %s of equals to one operand", (_, choose) => {
    const [a, b] = tf.grads((a, b) => tf.sum(choose(a!, b!)))([tf.ones([2, 2]), tf.ones([2])]);
    expect([...a!.dataSync(), ...b!.dataSync()]).toEqual([1, 1, 1, 1, 0, 0]);
  });

  it.each([
    ["maxPool", (x: tf.Tensor) => tf.maxPool(tf.reshape(x, [1, 4, 4, 1]) as tf.Tensor4D, 2, 2, "valid")],
    ["maxPool3d", (x: tf.Tensor) => tf.maxPool3d(tf.reshape(x, [1, 2, 2, 4, 1]) as tf.Tensor5D, [2, 1, 2], 1, "valid")],
  ])("give the gradient of %s of equals to one value of each window", (_, pool) => {
    const x = tf.ones([16]);
    const values = gradient(pool, x);
    expect(values.reduce((sum, value) => sum + value, 0)).toBe(pool(x).size);
    expect(values.every(Number.isInteger)).toBe(true);
  });

  it("are 0, not NaN, for norms at 0", () => {
    const zeros = tf.zeros([2, 3]);
    for (const order of ["euclidean", 1] as const) {
      expect(gradient((x) => tf.norm(x, order), zeros)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(gradient((x) => tf.norm(x, order, 1), zeros)).toEqual([0, 0, 0, 0, 0, 0]);
    }
    expect(gradient((x) => tf.norm(x, "fro", [0, 1]), zeros)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(gradient((x) => tf.norm(x, Number.POSITIVE_INFINITY, 1), zeros)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(gradient((x) => tf.sqrt(tf.sum(tf.mul(x, x), 1)), zeros)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(
      gradient((x) => tf.norm(x, 2, 1), tf.tensor2d([[0, 3, 4]])).map((value) => Number(value.toFixed(6))),
    ).toEqual([0, 0.6, 0.8]);
  });

  it("are 0 at the kink of abs and at the origin of atan2", () => {
    expect(gradient(tf.abs, tf.tensor1d([-2, 0, 3]))).toEqual([-1, 0, 1]);
    const [a, b] = tf.grads((a, b) => tf.sum(tf.atan2(a!, b!)))([tf.zeros([1]), tf.zeros([1])]);
    expect([Math.abs(a!.dataSync()[0]!), Math.abs(b!.dataSync()[0]!)]).toEqual([0, 0]);
  });

  it.each([
    [0, 2, 0],
    [0, 1, 1],
    [0, 0, 0],
    [0, 0.5, 0],
    [-2, 3, 12],
    [-2, 0, 0],
  ])("of %s to the power %s are %s", (base, exponent, slope) => {
    const [a, b] = tf.grads((a, b) => tf.pow(a!, b!))([tf.scalar(base), tf.scalar(exponent)]);
    expect(Math.abs(a!.dataSync()[0]! - slope)).toBe(0);
    expect(Math.abs(b!.dataSync()[0]!)).toBe(0);
  });

  it("reach the values beside zeros in products", () => {
    expect(gradient((x) => tf.prod(x), tf.tensor1d([0, 2, 3]))).toEqual([6, 0, 0]);
    expect(gradient((x) => tf.prod(x), tf.tensor1d([0, 0, 3]))).toEqual([0, 0, 0]);
    expect(gradient((x) => tf.cumprod(x), tf.tensor1d([2, 0, 3]))).toEqual([1, 8, 0]);
  });

  it("pass through functions of a condition, and stop where there is no slope", () => {
    const x = tf.tensor1d([-1, 2]);
    expect(gradient((values) => tf.where(tf.greater(values, 0), tf.square(values), values), x)).toEqual([1, 4]);
    expect(gradient((values) => tf.add(values, tf.cast(tf.cast(values, "int32"), "float32")), x)).toEqual([1, 1]);
  });

  it("leave nothing behind", () => {
    const x = tf.ones([2, 3, 4]);
    const before = tf.memory().numTensors;
    tf.dispose(
      tf.grad((values) =>
        tf.sum(
          tf.cumprod(
            tf.mirrorPad(
              values,
              [
                [1, 0],
                [0, 2],
                [1, 1],
              ],
              "reflect",
            ),
            1,
          ),
        ),
      )(x),
    );
    tf.dispose(tf.grad((values) => tf.sum(tf.stridedSlice(values, [0, 2, 3], [2, 0, 0], [1, -1, -2])))(x));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("gradients for backends that lack something", () => {
  const configs = [tf.Cumsum, tf.Cumprod, tf.PadV2, tf.StridedSlice].map((name) => tf.getKernel(name, "cpu"));
  const runs: string[] = [];

  beforeEach(() => {
    runs.length = 0;
    for (const config of configs) {
      tf.unregisterKernel(config.kernelName, "cpu");
      tf.registerKernel({
        ...config,
        kernelFunc: (call) => {
          const reverse = (call.attrs as { readonly reverse?: boolean }).reverse === true;
          runs.push(`${config.kernelName} of rank ${call.inputs.x!.shape.length}${reverse ? ", reverse" : ""}`);
          return config.kernelFunc(call);
        },
      });
    }
  });
  afterEach(() => {
    for (const config of configs) {
      tf.unregisterKernel(config.kernelName, "cpu");
      tf.registerKernel(config);
    }
  });

  it("scan from the end without tfjs's `reverse`, which webgpu compiles for one length only", () => {
    const x = tf.tensor2d([[1, 2, 3]]);
    expect(gradient((values) => tf.cumsum(values, 1), x)).toEqual([3, 2, 1]);
    expect(gradient((values) => tf.prod(values, 1), x)).toEqual([6, 3, 2]);
    expect(gradient((values) => tf.cumprod(values, 1), x)).toEqual([9, 4, 2]);
    expect(runs).toContain("Cumsum of rank 2");
    expect(runs.filter((run) => run.includes("reverse"))).toEqual([]);
  });

  it("pad and stride at most four axes at once, as webgl and webgpu do", () => {
    const volume = tf.reshape(tf.range(0, 12), [1, 2, 3, 2, 1]) as tf.Tensor5D;
    const windows: [number, number, number] = [1, 2, 1];
    const pooled = (values: tf.Tensor) => tf.maxPool3d(values as tf.Tensor5D, windows, windows, "same");
    expect(gradient(pooled, volume)).toEqual([0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1]);
    expect(runs.filter((run) => run.includes("rank 5"))).toEqual([]);
    const strided = (values: tf.Tensor) => tf.stridedSlice(values, [0, 1, 0, 0, 0], [1, 2, 3, 2, 1], [1, 1, 2, 1, 1]);
    expect(gradient(strided, volume)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1]);
    expect(runs.filter((run) => run.includes("PadV2 of rank 5"))).toEqual([]);
  });
});

describe("the registration", () => {
  it("outlives tfjs's own, which another package may run later", async () => {
    const ours = tf.getGradient(tf.Cumsum);
    tf.registerGradient({ kernelName: tf.Cumsum, gradFunc: () => ({}) });
    await tf.setBackend("cpu");
    expect(tf.getGradient(tf.Cumsum)).toBe(ours);
  });

  it("warns of nothing", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    tf.env().set("DEBUG", true);
    await tf.setBackend("cpu");
    tf.env().set("DEBUG", false);
    expect(warn.mock.calls.filter(([text]) => /gradient|kernel/i.test(String(text)))).toEqual([]);
    warn.mockRestore();
  });
});
