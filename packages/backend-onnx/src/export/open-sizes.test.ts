import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { scan } from "../trace/scan.js";
import { exportOnnx } from "./export-onnx.js";
import { decode, described, float, numbers, run } from "./run-model.fixture.js";

beforeEach(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});
afterEach(() => tf.engine().reset());

const inputs = { x: { shape: ["batch", 2], dtype: "float32" } } as const;
const values = (batch: number) => Array.from({ length: batch * 2 }, (_, i) => ((i * 7) % 11) / 4 - 1);

describe("an open size", () => {
  it("may be used as a number", async () => {
    const uses: readonly ((x: tf.Tensor, batch: number) => tf.Tensor)[] = [
      (x, batch) => tf.div(tf.sum(x, 0), batch),
      (x, batch) => tf.mul(x, 1 / batch),
      (x, batch) => tf.mul(x, (0.1 * batch) / (3 * batch - 1)),
      (x, batch) => tf.add(x, batch / (batch + 1)),
      (x, batch) => tf.mul(x, 0.3 / batch ** 2),
      (x, batch) => tf.concat([x, tf.zeros([batch, 1])], 1),
      (x, batch) => tf.add(x, tf.reshape(tf.range(0, batch), [batch, 1])),
      (x, batch) => tf.add(x, tf.reshape(tf.range(batch, 3 * batch, 2), [batch, 1])),
      (x, batch) => tf.gather(x, tf.range(0, batch, 1, "int32")),
      (x, batch) => tf.slice(x, [batch - 1, 0], [1, 2]),
      (x, batch) => tf.slice(x, [0, 0], [batch - 1, 2]),
      (x, batch) => tf.tile(tf.sum(x, 0, true), [batch, 1]),
      (x, batch) => tf.concat([tf.reshape(x, [batch * 2]), tf.ones([batch ** 2])]),
      (x) => tf.reverse(x, 0),
      (x, batch) => tf.gather(x, tf.tensor1d([batch - 1, 0], "int32")),
      (x) => tf.moments(x, 0).variance,
      (x) => tf.grad((y) => tf.mean(tf.square(tf.mean(y, 0))))(x),
      (x) => tf.grad((y) => tf.mean(tf.slice(y, [1, 0])))(x),
    ];
    for (const use of uses) {
      const model = await exportOnnx(({ x }) => ({ y: use(x!, x!.shape[0]!) }), { inputs });
      for (const batch of [2, 5]) {
        const { y } = await run(model, { x: float(values(batch), [batch, 2]) });
        const expected = use(tf.tensor2d(values(batch), [batch, 2]), batch);
        expect(y!.dims, `${use}`).toEqual(expected.shape);
        for (const [i, value] of expected.dataSync().entries()) {
          expect(numbers(y)[i], `${use} at ${batch}`).toBeCloseTo(value, 5);
        }
      }
    }
  });

  it("is refused by name where no formula of sizes gives the number, or the operators differ", async () => {
    const uses: readonly (readonly [string, (x: tf.Tensor, batch: number) => tf.Tensor])[] = [
      ["Mul", (x, batch) => tf.mul(x, Math.floor(batch / 4))],
      ["Mul", (x, batch) => tf.mul(x, Math.min(batch, 50))],
      ["Mul", (x, batch) => tf.mul(x, Math.sqrt(batch))],
      ["Neg|Abs", (x, batch) => (batch % 2 === 0 ? tf.neg(x) : tf.abs(x))],
      ["Slice", (x, batch) => tf.slice(x, [0, 0], [Math.ceil(batch / 2), 2])],
      ["Add", (x, batch) => tf.add(x, tf.tensor2d(values(batch), [batch, 2]))],
      ["Identity|Abs", (x, batch) => (batch > 50 ? tf.abs(x) : x)],
    ];
    for (const [operator, use] of uses) {
      const fn = ({ x }: tf.NamedTensorMap) => ({ y: use(x!, x!.shape[0]!) });
      const error: unknown = await exportOnnx(fn, { inputs }).catch((caught: unknown) => caught);
      expect(ConfigError.isInstance(error), `${use} gave ${error}`).toBe(true);
      expect(String(error)).toMatch(new RegExp(`"batch" \\(axis 0 of input x\\).*operator (${operator}) `));
      const fixed = await exportOnnx(fn, { inputs: { x: { shape: [2, 2], dtype: "float32" } } });
      const { y } = await run(fixed, { x: float([1, 2, 3, 4], [2, 2]) });
      expect(numbers(y)).toEqual([...use(tf.tensor2d([1, 2, 3, 4], [2, 2]), 2).dataSync()]);
    }
  });

  it("stays open in sums however long, and where it is only a shape", async () => {
    const model = await exportOnnx(
      ({ x }) => {
        const [batch, width] = x!.shape as [number, number];
        const halves = tf.slice(x!, [0, 0], [batch, width / 2]);
        return { mean: tf.mean(x!), rows: tf.mean(tf.reshape(halves, [batch, 2, -1]), 1) };
      },
      { inputs: { x: { shape: ["batch", 4000], dtype: "float32" } } },
    );
    expect(decode(model).graph.node.map(({ opType }) => opType)).not.toContain("Shape");
    for (const batch of [1, 3]) {
      const { mean, rows } = await run(model, { x: float(new Array(batch * 4000).fill(0.5), [batch, 4000]) });
      expect(numbers(mean)[0]).toBeCloseTo(0.5, 5);
      expect(rows!.dims).toEqual([batch, 1000]);
    }
  });

  it("may be one of several, which also name the shapes of outputs", async () => {
    const fn = ({ x, y }: tf.NamedTensorMap) => {
      const [rows, time] = x!.shape as [number, number];
      const scaled = tf.div(tf.reshape(x!, [rows * time, 2]), rows * time);
      return {
        flat: tf.concat([scaled, tf.fill([rows + 1, 2], 3)], 0),
        products: tf.matMul(tf.reshape(scaled, [rows, time * 2]), tf.transpose(tf.reshape(y!, [rows, time * 2]))),
        last: tf.slice(x!, [0, time - 1, 0], [rows, 1, 2]),
      };
    };
    const x = { shape: ["rows", "time", 2], dtype: "float32" } as const;
    const model = await exportOnnx(fn, { inputs: { x, y: x }, openSizes: { time: [3, 4, 6] } });
    const [flat, ...others] = described(decode(model).graph.output);
    expect(flat).toMatch(/^flat:size\d+_0,2$/); // no product of sizes, and a name of its own
    expect(others).toEqual(["products:rows,rows", "last:rows,1,2"]);
    for (const [rows, time] of [
      [1, 1],
      [3, 2],
      [2, 9],
    ] as const) {
      const numbersOf = Array.from({ length: rows * time * 2 }, (_, i) => Math.sin(i));
      const fed = float(numbersOf, [rows, time, 2]);
      const found = await run(model, { x: fed, y: fed });
      const given = tf.tensor3d(numbersOf, [rows, time, 2]);
      for (const [name, expected] of Object.entries(fn({ x: given, y: given }))) {
        expect(found[name]!.dims).toEqual(expected.shape);
        for (const [i, value] of expected.dataSync().entries()) {
          expect(numbers(found[name])[i]).toBeCloseTo(value, 5);
        }
      }
    }
  });

  it("stays open through a loop and its body", async () => {
    const fn = ({ x }: tf.NamedTensorMap) => {
      const [batch] = x!.shape as [number];
      const body = ([sum]: tf.Tensor[], [step]: tf.Tensor[]) => {
        const next = tf.add(tf.reshape(tf.div(sum!, batch), [batch, 2]), tf.mul(step!, tf.ones([batch, 1])));
        return { carry: [next], outputs: [tf.reshape(next, [batch * 2])] };
      };
      const steps = tf.tensor1d([1, 2, 3]);
      const { carry, outputs } = scan(tf.backend() as RecordingBackend, body, [tf.zeros([batch, 2])], [steps]);
      return { last: tf.add(carry[0]!, x!), all: outputs[0]! };
    };
    const model = await exportOnnx(fn, { inputs });
    expect(described(decode(model).graph.output)).toEqual(["last:batch,2", "all:3,2*batch"]);
    for (const batch of [1, 4]) {
      const found = await run(model, { x: float(values(batch), [batch, 2]) });
      for (const [name, expected] of Object.entries(fn({ x: tf.tensor2d(values(batch), [batch, 2]) }))) {
        expect(found[name]!.dims).toEqual(expected.shape);
        expect(numbers(found[name])).toEqual([...expected.dataSync()]);
      }
    }
  });
});
