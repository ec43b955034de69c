import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { KernelError } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";

let backend: OnnxBackend;

beforeEach(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  backend = tf.backend() as OnnxBackend;
});
afterEach(() => tf.engine().reset());

const read = (tensor: tf.Tensor) => [...tensor.dataSync()];
const rows = (tensor: tf.Tensor) => tf.unstack(tensor).map(read);

describe("scan", () => {
  it("records its body once, whatever the number of steps, and gives what the plain loop gives", () => {
    let recorded = 0;
    const weight = tf.tensor1d([2, 3]);
    const { carry, outputs } = backend.scan(
      ([sum, count], [x, y]) => {
        recorded++;
        const next = tf.add(tf.mul(sum!, weight), tf.mul(x!, y!));
        return { carry: [next, tf.add(count!, tf.scalar(1, "int32"))], outputs: [tf.neg(next), tf.square(x!)] };
      },
      [tf.tensor1d([1, 1]), tf.scalar(7, "int32")],
      [
        tf.tensor2d([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
        tf.tensor1d([1, 10, 100]),
      ],
    );
    // 1,1 → 2·1+1, 3·1+2 → 2·3+30, 3·5+40 → 2·36+500, 3·55+600
    expect(rows(outputs[0]!)).toEqual([
      [-3, -5],
      [-36, -55],
      [-572, -765],
    ]);
    expect(rows(outputs[1]!)).toEqual([
      [1, 4],
      [9, 16],
      [25, 36],
    ]);
    expect(read(carry[0]!)).toEqual([572, 765]);
    expect(read(carry[1]!)).toEqual([10]);
    expect(carry[1]!.dtype).toBe("int32");
    expect(recorded).toBe(1);
  });

  it("takes a carry handed through, two that change places, and an output that no step decides", () => {
    const outside = tf.tensor1d([4, 5]);
    const { carry, outputs } = backend.scan(
      ([a, b, c], [x]) => ({ carry: [b!, a!, c!], outputs: [x!, x!, tf.mul(outside, 2), outside] }),
      [tf.scalar(1), tf.scalar(2), tf.scalar(3)],
      [tf.tensor1d([10, 20, 30])],
    );
    expect(carry.map(read)).toEqual([[2], [1], [3]]);
    expect(outputs.map(read)).toEqual([
      [10, 20, 30],
      [10, 20, 30],
      [8, 10, 8, 10, 8, 10],
      [4, 5, 4, 5, 4, 5],
    ]);
  });

  it("stands in another scan", () => {
    const inner = (start: tf.Tensor, row: tf.Tensor) =>
      backend.scan(([sum], [x]) => ({ carry: [tf.add(sum!, tf.mul(x!, start))], outputs: [] }), [tf.scalar(0)], [row]);
    const { carry, outputs } = backend.scan(
      ([total], [row]) => {
        const [sum] = inner(total!, row!).carry;
        return { carry: [tf.add(total!, sum!)], outputs: [sum!] };
      },
      [tf.scalar(1)],
      [
        tf.tensor2d([
          [1, 2],
          [3, 4],
        ]),
      ],
    );
    // 1·(1+2) = 3 → 4; 4·(3+4) = 28 → 32
    expect(read(outputs[0]!)).toEqual([3, 28]);
    expect(read(carry[0]!)).toEqual([32]);
  });

  it("in a compiled function runs again with other values, in one session", () => {
    const sums = backend.compile(
      (x: tf.Tensor, w: tf.Tensor) =>
        backend.scan(
          ([s], [v]) => ({ carry: [tf.add(s!, tf.mul(v!, tf.exp(w)))], outputs: [s!] }),
          [tf.zeros([2])],
          [x],
        ).carry[0]!,
    );
    const weights = tf.tensor1d([0, 0]);
    const values = (value: number) => tf.tensor2d(new Float32Array(10).fill(value), [5, 2]);
    expect(read(sums(values(1), weights))).toEqual([5, 5]);
    const { misses } = backend.sessions();
    expect(read(sums(values(2), weights))).toEqual([10, 10]);
    expect(backend.sessions().misses).toBe(misses);
  });

  it("of one structure share a session; another body is another session", () => {
    const run = (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor) =>
      read(
        backend.scan(([s], [x]) => ({ carry: [op(s!, x!)], outputs: [] }), [tf.scalar(3)], [tf.tensor1d([2, 4])])
          .carry[0]!,
      );
    expect(run(tf.add)).toEqual([9]);
    const { misses } = backend.sessions();
    expect(run(tf.add)).toEqual([9]);
    expect(backend.sessions().misses).toBe(misses);
    expect(run(tf.mul)).toEqual([24]);
    expect(backend.sessions().misses).toBe(misses + 1);
  });

  it("has a gradient", () => {
    const gradient = tf.grad((x: tf.Tensor) =>
      tf.sum(backend.scan(([p], [v]) => ({ carry: [tf.mul(p!, v!)], outputs: [] }), [tf.scalar(1)], [x]).carry[0]!),
    );
    expect(read(gradient(tf.tensor1d([2, 3, 5])))).toEqual([15, 10, 6]);
  });

  it("refuses to read within the body, and is usable afterwards", () => {
    const reading = () =>
      backend.scan(
        ([s], [x]) => ({ carry: [tf.add(s!, tf.scalar(x!.dataSync()[0]!))], outputs: [] }),
        [tf.scalar(0)],
        [tf.ones([2])],
      );
    expect(reading).toThrow(KernelError);
    expect(backend.tracing).toBe(false);
    expect(read(tf.add(1, 2))).toEqual([3]);
  });

  it("leaves no tensor behind", () => {
    const [start, x] = [tf.scalar(0), tf.ones([4])];
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) {
      const { carry, outputs } = backend.scan(
        ([s], [v]) => ({ carry: [tf.add(tf.square(s!), v!)], outputs: [tf.neg(v!)] }),
        [start],
        [x],
      );
      read(carry[0]!);
      tf.dispose([carry, outputs]);
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});
