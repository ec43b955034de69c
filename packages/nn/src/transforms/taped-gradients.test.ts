import { MmgenError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { customGradient, tapedGradients } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

const values = (tensors: readonly (tf.Tensor | undefined)[]) => tensors.map((each) => each && [...each.dataSync()]);

describe("tapedGradients", () => {
  it("gives each of several losses of one computation its gradient, and leaves the outer gradient alone", () => {
    const [x, w, other] = [tf.tensor1d([1, 2]), tf.tensor1d([3, -1]), tf.tensor1d([1, 1])];
    let inner: ReturnType<typeof values> = [];
    const outer = tf.grads((x, w) => {
      const product = tf.mul(x!, w!);
      const [square, sum] = [tf.sum<tf.Scalar>(tf.square(product)), tf.sum<tf.Scalar>(product)];
      inner = values([
        ...tapedGradients(square, [x!, product]),
        ...tapedGradients(sum, [w!]),
        ...tapedGradients(sum, [square, other]),
      ]);
      // A factor made of a gradient is a constant: the gradient of sum · 12 alone is left.
      return tf.mul(sum, tf.sum(tapedGradients(square, [product])[0]!)) as tf.Scalar;
    })([x, w]);
    // Products 3 and −2: ∂Σp² = 2p·w by x, 2p by p; ∂Σp = x by w.
    expect(inner).toEqual([[18, 4], [6, -4], [1, 2], undefined, undefined]);
    expect(values(outer)).toEqual([
      [6, -2],
      [2, 4],
    ]);
  });

  it("passes a custom gradient, and reaches variables", () => {
    const variable = tf.variable(tf.tensor1d([2, 5]));
    const doubled = (x: tf.Tensor) =>
      customGradient([x], {
        forward: (x) => ({ value: tf.mul(x, 2), saved: [] }),
        gradient: (dy) => [tf.mul(dy, 7)],
      });
    let inner: ReturnType<typeof values> = [];
    const { grads } = tf.variableGrads(() => {
      const y = tf.sum<tf.Scalar>(doubled(variable));
      inner = values(tapedGradients(y, [variable]));
      return y;
    }, [variable]);
    expect(inner).toEqual([[7, 7]]);
    expect(values(Object.values(grads))).toEqual([[7, 7]]);
    tf.dispose(grads);
    variable.dispose();
  });

  it("leaves nothing behind", () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      tf.grad((x) => {
        const y = tf.sum<tf.Scalar>(tf.square(x));
        tapedGradients(y, [x]);
        return y;
      })(x);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("says where it may be called", () => {
    expect(() => tapedGradients(tf.scalar(1), [tf.scalar(1)])).toThrow(MmgenError);
  });
});
