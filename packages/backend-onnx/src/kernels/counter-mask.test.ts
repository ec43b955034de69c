import { counterMask, type DropShare, dropShare } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

const keys = [
  { first: 0, second: 0 },
  { first: 0xdeadbeef, second: 7 },
  { first: 2 ** 31, second: 2 ** 32 - 1 },
];

function drawn(row: number, shape: number[], share: DropShare): tf.Tensor {
  const bits = tf.tensor2d(Int32Array.from(keys.flatMap(({ first, second }) => [first, second])), [3, 2], "int32");
  return tf.tidy(
    () => tf.engine().runKernel("MmgenCounterMask", { keys: bits }, { row, shape, ...share }) as tf.Tensor,
  );
}

it.each([0.1, 0.5, 0.003, 1e-6, 0.9999])("MmgenCounterMask gives the host's mask, rate %d", (rate) => {
  const share = dropShare(rate);
  for (const [row, key] of keys.entries()) {
    for (const shape of [[1], [7], [3, 5, 11], [64, 64]]) {
      const size = shape.reduce((product, side) => product * side, 1);
      const mask = drawn(row, shape, share);
      expect(mask.shape).toEqual(shape);
      expect(mask.dtype).toBe("float32");
      expect([...mask.dataSync()]).toEqual([...counterMask(key, share, new Uint8Array(size))]);
    }
  }
});

it("keeps everything where the share is zero, and takes empty shapes", () => {
  expect([...drawn(1, [3], { bits: 32, below: 0 }).dataSync()]).toEqual([1, 1, 1]);
  expect(drawn(1, [0, 4], { bits: 8, below: 9 }).shape).toEqual([0, 4]);
});
