import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

it.each([1, 3, 4, 7, 256])("MmgenUnpackBytes gives rows of %d bytes", (rowLength) => {
  const rows = 3;
  const stride = 4 * Math.ceil(rowLength / 4);
  const bytes = Uint8Array.from({ length: rows * stride }, (_, i) => 255 - ((i * 37) % 256));
  const words = tf.tensor2d(new Int32Array(bytes.buffer), [rows, stride / 4], "int32");
  const unpacked: tf.Tensor = tf.engine().runKernel("MmgenUnpackBytes", { words }, { rowLength });
  expect(unpacked.shape).toEqual([rows, rowLength]);
  expect(unpacked.dtype).toBe("int32");
  const expected = Array.from({ length: rows }, (_, row) => [
    ...bytes.subarray(row * stride, row * stride + rowLength),
  ]);
  expect([...unpacked.dataSync()]).toEqual(expected.flat());
});
