import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { expectParity, floats } from "../engine/parity.fixture.js";

/** As one tensor of numbers: tests compare those. */
const flat = (x: tf.Tensor) => [tf.real(x), tf.imag(x)];
const signal = (shape: number[]) => tf.complex(floats(shape), floats(shape, -2, 2, 2));

// Sums of as many products as the signal is long.
const tolerance = 1e-5;

describe("Fourier transforms", () => {
  for (const length of [1, 2, 3, 5, 8, 12]) {
    it(`of length ${length}, there and back`, async () => {
      await expectParity(() => flat(tf.fft(signal([3, length]))), { tolerance });
      await expectParity(() => flat(tf.ifft(signal([3, length]))), { tolerance });
      await expectParity(() => flat(tf.ifft(tf.fft(signal([length])))), { tolerance });
    });
  }

  it("of real signals", async () => {
    await expectParity(() => flat(tf.rfft(floats([2, 6]))), { tolerance });
  });

  it("the length of complex numbers, however large or small", async () => {
    await expectParity(() => {
      const real = tf.tensor1d([3, 1e30, 1e-30, 0, -5, Number.POSITIVE_INFINITY]);
      return tf.abs(tf.complex(real, tf.tensor1d([4, 1e30, 1e-30, 0, 12, 1])));
    });
  });
});
