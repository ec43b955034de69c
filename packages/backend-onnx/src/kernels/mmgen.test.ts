import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { floats, integers } from "../engine/parity.fixture.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

function run(name: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap = {}): tf.Tensor[] {
  const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attrs);
  return [outputs].flat();
}

function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  expect(actual.dtype).toBe(expected.dtype);
  const [a, e] = [actual.dataSync(), expected.dataSync()];
  e.forEach((value, i) => {
    expect(Math.abs(a[i]! - value), `at ${i}: ${a[i]} for ${value}`).toBeLessThan(
      tolerance * Math.max(1, Math.abs(value)),
    );
  });
}

/** Ordinary operations, whose gradients tfjs derives. */
const composed = {
  layerNorm(x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor): tf.Tensor {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), bias);
  },
  rmsNorm(x: tf.Tensor, scale: tf.Tensor): tf.Tensor {
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5))), scale);
  },
  gelu(x: tf.Tensor): tf.Tensor {
    return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
  },
  geluTanh(x: tf.Tensor): tf.Tensor {
    const inner = tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
    return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(inner)));
  },
  crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
    return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, logits.shape[1]!)), 1));
  },
};

describe("fused kernels of this project's layers, against ordinary operations", () => {
  for (const shape of [
    [3, 8],
    [2, 3, 5],
    [1, 1],
  ]) {
    it(`MmgenLayerNorm and its gradient, [${shape}]`, () => {
      const width = shape.at(-1)!;
      const [x, dy] = [floats(shape), floats(shape, -1, 1, 5)];
      const [scale, bias] = [floats([width], 0.5, 2, 2), floats([width], -1, 1, 3)];
      const [y, mean, inverseStd] = run("MmgenLayerNorm", { x, scale, bias }, { epsilon: 1e-5 });
      expectClose(y!, composed.layerNorm(x, scale, bias));
      expectClose(mean!, tf.mean(x, -1, true));
      expectClose(inverseStd!, tf.rsqrt(tf.add(tf.moments(x, -1, true).variance, 1e-5)), 1e-4);
      const gradients = run("MmgenLayerNormGrad", { dy, x, scale, mean: mean!, inverseStd: inverseStd! });
      const expected = tf.grads(composed.layerNorm)([x, scale, bias], dy);
      gradients.forEach((gradient, i) => {
        expectClose(gradient, expected[i]!, 1e-4);
      });
      const [unshifted] = run("MmgenLayerNorm", { x, scale }, { epsilon: 1e-5 });
      expectClose(unshifted!, composed.layerNorm(x, scale, tf.zeros([width])));
    });

    it(`MmgenRmsNorm and its gradient, [${shape}]`, () => {
      const [x, dy] = [floats(shape), floats(shape, -1, 1, 5)];
      const scale = floats([shape.at(-1)!], 0.5, 2, 2);
      const [y, inverseRms] = run("MmgenRmsNorm", { x, scale }, { epsilon: 1e-5 });
      expectClose(y!, composed.rmsNorm(x, scale));
      expectClose(inverseRms!, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-5)), 1e-4);
      const gradients = run("MmgenRmsNormGrad", { dy, x, scale, inverseRms: inverseRms! });
      const expected = tf.grads(composed.rmsNorm)([x, scale], dy);
      gradients.forEach((gradient, i) => {
        expectClose(gradient, expected[i]!, 1e-4);
      });
    });
  }

  for (const [approximate, operation] of [
    ["none", composed.gelu],
    ["tanh", composed.geluTanh],
  ] as const) {
    it(`MmgenGelu and its gradient, ${approximate}`, () => {
      const [x, dy] = [floats([4, 9], -6, 6), floats([4, 9], -1, 1, 5)];
      expectClose(run("MmgenGelu", { x }, { approximate })[0]!, operation(x));
      expectClose(run("MmgenGeluGrad", { dy, x }, { approximate })[0]!, tf.grad(operation)(x, dy));
    });
  }

  it("MmgenSoftmaxCrossEntropy and its gradient", () => {
    const [logits, dy] = [floats([5, 7], -9, 9), floats([5], 0.1, 1, 4)];
    const labels = tf.abs(integers([5], -6, 6));
    const [loss, probabilities] = run("MmgenSoftmaxCrossEntropy", { logits, labels });
    expectClose(loss!, composed.crossEntropy(logits, labels));
    expectClose(probabilities!, tf.softmax(logits));
    const [gradient] = run("MmgenSoftmaxCrossEntropyGrad", { dy, probabilities: probabilities!, labels });
    expectClose(gradient!, tf.grad((x) => composed.crossEntropy(x, labels))(logits, dy));
  });

  it("MmgenMatMul: transposes, a factor, a shared matrix", () => {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      for (const batch of [[], [2]]) {
        const a = floats([...batch, ...(transposeA ? [4, 3] : [3, 4])]);
        const b = floats(transposeB ? [5, 4] : [4, 5], -1, 1, 2);
        const [product] = run("MmgenMatMul", { a, b }, { transposeA, transposeB, alpha: 0.5 });
        expectClose(product!, tf.mul(tf.matMul(a, b, transposeA, transposeB), 0.5));
      }
    }
  });

  for (const minPosition of [0, 1]) {
    it(`MmgenCachedAttention from position ${minPosition} on`, () => {
      const [rows, slots] = [2, 4];
      for (let position = minPosition; position < slots; position++) {
        const [q, k, v] = [1, 2, 3].map((seed) => floats([rows, 3, 1, 5], -1, 1, seed));
        const filled = (seed: number) =>
          tf.concat([floats([rows, 3, position, 5], -1, 1, seed), tf.zeros([rows, 3, slots - position, 5])], 2);
        const [keys, values] = [filled(4), filled(5)];
        const at = tf.tensor1d([position], "int32");
        const outputs = run(
          "MmgenCachedAttention",
          { q: q!, k: k!, v: v!, keys, values, position: at },
          { minPosition },
        );
        const grown = (cache: tf.Tensor, added: tf.Tensor) =>
          tf.concat([tf.slice(cache, [0, 0, 0, 0], [-1, -1, position, -1]), added], 2);
        const [allKeys, allValues] = [grown(keys, k!), grown(values, v!)];
        const weights = tf.softmax(tf.mul(tf.matMul(q!, allKeys, false, true), 1 / Math.sqrt(5)));
        expectClose(outputs[0]!, tf.matMul(weights, allValues));
        const rest: [number, number][] = [
          [0, 0],
          [0, 0],
          [0, slots - position - 1],
          [0, 0],
        ];
        expectClose(outputs[1]!, tf.pad(allKeys, rest));
        expectClose(outputs[2]!, tf.pad(allValues, rest));
      }
    });
  }

  it("MmgenLinear", () => {
    const [x, weight, bias] = [floats([3, 5]), floats([4, 5], -1, 1, 2), floats([4], -1, 1, 3)];
    expectClose(run("MmgenLinear", { x, weight, bias })[0]!, tf.add(tf.matMul(x, weight, false, true), bias));
  });
});
