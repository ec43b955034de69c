import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { customGradient } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

/** x · y + z, whose gradients are ten times too large, so that they can be told from tfjs's own. */
function marked(x: tf.Tensor2D, y: tf.Tensor, z?: tf.Tensor): tf.Tensor2D {
  return customGradient([x, y, z], {
    forward(x, y, z) {
      expectTypeOf(x).toEqualTypeOf<tf.Tensor2D>();
      expectTypeOf(z).toEqualTypeOf<tf.Tensor | undefined>();
      const product = tf.mul(x, y) as tf.Tensor2D;
      return { value: z ? tf.add<tf.Tensor2D>(product, z) : product, saved: [z, x, y] };
    },
    gradient(dy, [z, x, y]) {
      expectTypeOf(dy).toEqualTypeOf<tf.Tensor2D>();
      expectTypeOf(x).toEqualTypeOf<tf.Tensor2D>();
      const ten = tf.mul(dy, 10);
      return [tf.mul(ten, y), tf.mul(ten, x), z && ten];
    },
  });
}

describe("customGradient", () => {
  const [x, y, z] = [[[1, 2]], [[3, 4]], [[5, 6]]];

  it("gives the value, and its own gradient to every input", () => {
    tf.tidy(() => {
      const inputs = [x, y, z].map((values) => tf.tensor2d(values!)) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      expect(marked(...inputs).arraySync()).toEqual([[8, 14]]);
      const gradients = tf.grads((x, y, z) => marked(x as tf.Tensor2D, y!, z))(inputs);
      expect(gradients.map((each) => each.arraySync())).toEqual([[[30, 40]], [[10, 20]], [[10, 10]]]);
    });
  });

  it("passes on an input that is absent", () => {
    tf.tidy(() => {
      const inputs = [tf.tensor2d(x!), tf.tensor2d(y!)] as [tf.Tensor2D, tf.Tensor2D];
      expect(marked(...inputs).arraySync()).toEqual([[3, 8]]);
      const gradients = tf.grads((x, y) => marked(x as tf.Tensor2D, y!))(inputs);
      expect(gradients.map((each) => each.arraySync())).toEqual([[[30, 40]], [[10, 20]]]);
    });
  });

  it("leaks nothing", () => {
    const before = tf.memory().numTensors;
    const x = tf.tensor2d([[1, 2]]);
    const y = tf.tensor2d([[3, 4]]);
    tf.dispose(tf.grad((x) => marked(x as tf.Tensor2D, y))(x));
    tf.dispose([x, y]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
