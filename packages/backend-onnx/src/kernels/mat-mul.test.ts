import { ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { expectParity, floats, integers } from "../engine/parity.fixture.js";

const tolerance = 1e-5;

describe("products", () => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      it(`matMul, transposed ${transposeA}, ${transposeB}, and its gradients`, async () => {
        const shapeA = (batch: number[]) => [...batch, ...(transposeA ? [4, 3] : [3, 4])];
        const shapeB = (batch: number[]) => [...batch, ...(transposeB ? [5, 4] : [4, 5])];
        for (const [batchA, batchB] of [
          [[], []],
          [[2], [2]],
          [[2], [1]],
          [[1], [3]],
          [
            [2, 3],
            [2, 3],
          ],
          [[2], []],
        ] as const) {
          const [a, b] = [shapeA([...batchA]), shapeB([...batchB])];
          await expectParity(() => tf.matMul(floats(a), floats(b, -1, 1, 2), transposeA, transposeB), { tolerance });
          if (`${batchA}` === `${batchB}`) {
            const product = (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB);
            await expectParity(() => tf.grads(product)([floats(a), floats(b, -1, 1, 2)]), { tolerance });
          }
        }
        await expectParity(() =>
          tf.matMul(integers(shapeA([2])), integers(shapeB([2]), -9, 9, 3), transposeA, transposeB),
        );
      });
    }
  }

  it("vectors, dot products, single rows and columns", async () => {
    await expectParity(
      () => [
        tf.dot(floats([4]), floats([4], -1, 1, 2)),
        tf.matMul(floats([1, 4]), floats([4, 1])),
        tf.matMul(floats([4, 1]), floats([1, 4])),
        tf.outerProduct(floats([3]) as tf.Tensor1D, floats([2]) as tf.Tensor1D),
      ],
      { tolerance },
    );
  });

  it("fused matMul with every activation", async () => {
    for (const activation of ["linear", "relu", "relu6", "sigmoid", "elu", "leakyrelu", "prelu"] as const) {
      await expectParity(
        () =>
          tf.fused.matMul({
            a: floats([3, 4]),
            b: floats([4, 5], -1, 1, 2),
            bias: floats([5], -1, 1, 3),
            activation,
            leakyreluAlpha: 0.3,
            ...(activation === "prelu" ? { preluActivationWeights: floats([5], 0.1, 0.4) } : undefined),
          }),
        { tolerance },
      );
    }
  });

  it("einsum goes through products", async () => {
    await expectParity(() => tf.einsum("bij,bjk->bik", floats([2, 3, 4]), floats([2, 4, 5], -1, 1, 2)), {
      tolerance,
      fallback: ["Einsum"],
    });
  });

  it("inner sizes that differ are refused at the call", () => {
    const [a, b] = [floats([2, 3]) as tf.Tensor2D, floats([2, 3]) as tf.Tensor2D];
    let error: unknown;
    try {
      tf.matMul(a, b);
    } catch (caught) {
      error = caught;
    }
    expect(ShapeError.isInstance(error)).toBe(true);
    expect(String(error)).toContain("[2,3]");
  });
});
