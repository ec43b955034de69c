import { ConfigError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OnnxBackend } from "../engine/onnx-backend.js";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import { exportOnnx } from "./export-onnx.js";
import type { ExportOptions } from "./export-options.js";
import { decode, described, float, int, numbers, run, storedBytes } from "./run-model.fixture.js";

beforeEach(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});
afterEach(() => tf.engine().reset());

const row = { shape: [2], dtype: "float32" } as const;
const untyped = exportOnnx as (fn: unknown, options?: unknown) => Promise<Uint8Array>;

async function refusal(fn: unknown, options?: unknown): Promise<string> {
  const error: unknown = await untyped(fn, options).catch((caught: unknown) => caught);
  expect(ConfigError.isInstance(error), `${error}`).toBe(true);
  return String(error);
}

describe("exportOnnx", () => {
  it("writes the same files at once as one after the other, while graphs run in between", async () => {
    const weight = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]));
    const table = tf.tensor1d([5, 6]);
    const functions = [
      ({ x }: tf.NamedTensorMap) => ({ y: tf.add(tf.matMul(tf.reshape(x!, [1, 2]), weight), table) }),
      ({ x }: tf.NamedTensorMap) => ({ y: tf.mul(table, tf.sub(x!, tf.sum(weight))) }),
    ];
    const write = (i: number) => exportOnnx(functions[i]!, { inputs: { x: row } });
    const alone = [await write(0), await write(1)];
    const together = Promise.all([write(0), write(1), write(0)]);
    const between = tf.tidy(() => tf.mul(table, tf.sum(weight)));
    await between.data();
    expect(await together).toEqual([alone[0], alone[1], alone[0]]);
  });

  it("writes a function with its weights, for any batch", async () => {
    const weight = tf.variable(tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]));
    const bias = tf.add(tf.tensor1d([0, 0, 1]), 1); // not computed yet
    const model = await exportOnnx(
      ({ x, scale }) => {
        const rows = tf.reshape(x!, [-1, 2]);
        const y = tf.relu(tf.add(tf.matMul(rows, weight), bias));
        return { y: tf.mul(tf.reshape(y, [x!.shape[0]!, 2, 3]), scale!), sum: tf.sum(y) };
      },
      {
        inputs: {
          x: { shape: ["batch", 2, 2], dtype: "float32" },
          scale: { shape: [], dtype: "float32" },
        },
        weights: new Map([["layer.weight", weight]]),
      },
    );
    for (const batch of [1, 4]) {
      const values = Array.from({ length: batch * 4 }, (_, i) => i - 5);
      const { y, sum } = await run(model, { x: float(values, [batch, 2, 2]), scale: float([2], []) });
      const expected = tf.relu(tf.add(tf.matMul(tf.tensor2d(values, [batch * 2, 2]), weight), bias));
      expect(y!.dims).toEqual([batch, 2, 3]);
      expect(numbers(y)).toEqual([...(await tf.mul(expected, 2).data())]);
      expect(numbers(sum)).toEqual([...(await tf.sum(expected).data())]);
    }
    expect(Buffer.from(model).includes("layer.weight")).toBe(true);
  });

  it("stores elements of now, and leaves the backend as it was", async () => {
    const weight = tf.variable(tf.scalar(3));
    const before = tf.memory().numTensors;
    const model = await exportOnnx(({ x }) => ({ y: tf.mul(x!, weight) }), { inputs: { x: row } });
    expect(tf.memory().numTensors).toBe(before);
    weight.assign(tf.scalar(100));
    expect(numbers((await run(model, { x: float([1, 2], [2]) })).y)).toEqual([3, 6]);
    expect([...tf.mul(tf.tensor1d([1, 2]), weight).dataSync()]).toEqual([100, 200]);
  });

  it("keeps the inputs' order and names, also of those that the function does not use", async () => {
    const model = await exportOnnx(({ v1, y, unused }) => ({ out: tf.sub(y!, v1!), same: unused! }), {
      inputs: { unused: { shape: ["rows", 3], dtype: "int32" }, y: row, v1: row, never: row },
    });
    const { graph } = decode(model);
    expect(described(graph.input)).toEqual(["unused:rows,3", "y:2", "v1:2", "never:2"]);
    expect(described(graph.output)).toEqual(["out:2", "same:rows,3"]);
    const pair = float([1, 2], [2]);
    const { out, same } = await run(model, {
      unused: int([1, 2, 3], [1, 3]),
      y: pair,
      v1: float([5, 7], [2]),
      never: pair,
    });
    expect([numbers(out), numbers(same)]).toEqual([
      [-4, -5],
      [1, 2, 3],
    ]);
  });

  it("stores a weight that is read in several shapes once, equal tables once, and no fills", async () => {
    const other = Array.from({ length: 64 }, (_, i) => i % 5);
    const weight = tf.variable(tf.reshape(tf.range(0, 64, 1, "float32"), [8, 8]) as tf.Tensor2D);
    const fn = ({ x }: tf.NamedTensorMap) => {
      const table = () => tf.tensor1d(Array.from({ length: 64 }, (_, i) => i % 7));
      const turned = tf.add(tf.reshape(table(), [8, 8]), tf.reshape(tf.tensor1d(other), [8, 8]));
      const flat = tf.add(tf.add(tf.reshape(weight, [64]), tf.reshape(turned, [64])), tf.add(table(), table()));
      return { y: tf.add(tf.matMul(tf.add(x!, tf.zeros([8, 8])), weight), tf.reshape(flat, [8, 8])) };
    };
    const x = { shape: [8, 8], dtype: "float32" } as const;
    const model = await exportOnnx(fn, { inputs: { x }, weights: new Map([["w", weight]]) });
    const stored = decode(model).graph.initializer.filter(({ rawData }) => rawData.length >= 256);
    expect(stored.map(({ name, dims }) => [name.replace(/^v.*/, "table"), `${dims}`])).toEqual([
      ["w", "8,8"],
      ["table", "8,8"],
      ["table", "8,8"],
      ["table", "64"],
    ]);
    expect(storedBytes(decode(model))).toBeLessThan(4.5 * 256);
    const eye = tf.eye(8);
    expect(numbers((await run(model, { x: float(eye.dataSync(), [8, 8]) })).y)).toEqual([
      ...fn({ x: eye }).y.dataSync(),
    ]);
  });

  it("makes variables inputs, and their new values outputs", async () => {
    const [weight, still] = tf.tidy(() => [tf.variable(tf.tensor1d([1, 2])), tf.variable(tf.scalar(9))]);
    const step = ({ target, rate }: tf.NamedTensorMap) => {
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.square(tf.sub(weight!, target!))) as tf.Scalar,
        [weight!],
      );
      weight!.assign(tf.sub(weight!, tf.mul(grads[weight!.name]!, rate!)) as tf.Tensor1D);
      return { loss: value };
    };
    const model = await exportOnnx(step, {
      inputs: { target: row, rate: { shape: [], dtype: "float32" } },
      state: new Map<string, tf.Variable>([
        ["w", weight as tf.Variable],
        ["still", still as tf.Variable],
      ]),
    });
    expect([...weight!.dataSync()]).toEqual([1, 2]);
    const { graph } = decode(model);
    expect(described(graph.input)).toEqual(["target:2", "rate:", "w:2", "still:"]);
    expect(described(graph.output)).toEqual(["loss:", "next.w:2", "next.still:"]);
    let w = [1, 2];
    for (const target of [0, 3]) {
      const rate = float([0.25], []);
      const found = await run(model, {
        target: float([target, target], [2]),
        rate,
        w: float(w, [2]),
        still: float([9], []),
      });
      const loss = tf.tidy(() => step({ target: tf.fill([2], target), rate: tf.scalar(0.25) }).loss.dataSync()[0]!);
      expect(numbers(found.loss)[0]).toBeCloseTo(loss, 5);
      w = numbers(found["next.w"]);
      expect(w).toEqual([...weight!.dataSync()]);
      expect(numbers(found["next.still"])).toEqual([9]);
    }
  });

  it("takes a function that brings its options along, and keeps metadata", async () => {
    const model = await exportOnnx(
      { run: ({ x }) => ({ y: tf.neg(x!) }), inputs: { x: row }, metadata: { kind: "negation", author: "a" } },
      { metadata: { author: "b", vocabulary: '["é","\u{1F600}"]' } },
    );
    expect(decode(model).metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ["kind", "negation"],
      ["author", "b"],
      ["vocabulary", '["é","\u{1F600}"]'],
    ]);
    expect(numbers((await run(model, { x: float([1, 2], [2]) })).y)).toEqual([-1, -2]);
  });

  it("exports on a backend that another copy of the package registered", async () => {
    vi.resetModules();
    const copy = await import("./export-onnx.js");
    expect(copy.exportOnnx).not.toBe(exportOnnx);
    const weight = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]));
    const model = await copy.exportOnnx(({ x }) => ({ y: tf.relu(tf.matMul(x!, weight)) }), {
      inputs: { x: { shape: ["batch", 2], dtype: "float32" } },
      weights: new Map([["w", weight]]),
    });
    expect(numbers((await run(model, { x: float([1, 1, -9, 1], [2, 2]) })).y)).toEqual([4, 6, 0, 0]);
  });

  it("refuses another backend, and reading", async () => {
    const inputs = { x: { shape: ["batch", 2], dtype: "float32" } } as const;
    await expect(exportOnnx(({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }), { inputs })).rejects.toThrow("read");
    expect([...tf.add(1, 2).dataSync()]).toEqual([3]);
    await tf.setBackend("cpu");
    await expect(exportOnnx(({ x }) => ({ y: tf.abs(x!) }), { inputs })).rejects.toThrow("got cpu");
  });

  it("refuses names that no reader takes, and names of two values", async () => {
    const weight = tf.scalar(1);
    const fn = ({ x }: tf.NamedTensorMap) => ({ y: tf.mul(x!, weight) });
    const weights = (name: string) => ({ inputs: { x: row }, weights: new Map([[name, weight]]) });
    expect(await refusal(fn, { inputs: { "": row, x: row } })).toContain('the name of an input, got "" (string)');
    expect(await refusal(fn, weights(""))).toContain("the name of a weight");
    expect(await refusal(fn, weights("\ud800"))).toContain("well-formed");
    expect(await refusal(fn, weights("x"))).toContain('"x" names an input and a weight');
    expect(await refusal(fn, weights("y"))).toContain('"y" names a weight and an output');
    expect(await refusal(({ x }: tf.NamedTensorMap) => ({ x: tf.abs(x!) }), { inputs: { x: row } })).toContain(
      '"x" names an input and an output',
    );
    expect(await refusal(({ x }: tf.NamedTensorMap) => ({ "": tf.abs(x!) }), { inputs: { x: row } })).toContain(
      "the name of an output",
    );
    const state = new Map([["w", tf.variable(tf.scalar(1))]]);
    const taken = ({ x }: tf.NamedTensorMap) => ({ "next.w": tf.abs(x!) });
    expect(await refusal(taken, { inputs: { x: row }, state })).toContain('"next.w" names the new value of a variable');
    // Names of properties that every object has are names as any other.
    const model = await exportOnnx((inputs) => ({ __proto__y: tf.abs(inputs.constructor as never) }), {
      inputs: { constructor: row, toString: row } as never as ExportOptions["inputs"],
    });
    expect(described(decode(model).graph.input)).toEqual(["constructor:2", "toString:2"]);
  });

  it("refuses functions without outputs, and what is no tensor", async () => {
    const options = { inputs: { x: row } };
    expect(await refusal(() => ({}), options)).toContain("at least one output");
    expect(await refusal(() => undefined, options)).toContain("got undefined");
    expect(await refusal(async () => ({ y: tf.scalar(1) }), options)).toContain("async function");
    expect(await refusal(({ x }: tf.NamedTensorMap) => x, options)).toContain("a tensor without a name");
    expect(await refusal(() => ({ y: 3 }), options)).toContain('got 3 (number) as output "y"');
    expect(await refusal(({ x }: tf.NamedTensorMap) => ({ y: tf.complex(x!, x!) }), options)).toContain("complex64");
    expect(await refusal(7, options)).toContain("a function of tensors by name");
  });

  it("refuses more than 2 GiB in one file", async () => {
    const weight = tf.tensor1d([1, 2]);
    const { host } = (tf.backend() as OnnxBackend).heldValue(weight).resident!;
    Object.defineProperty(host, "byteLength", { value: 2 ** 31 });
    const fn = ({ x }: tf.NamedTensorMap) => ({ y: tf.mul(x!, weight) });
    expect(await refusal(fn, { inputs: { x: row } })).toContain("Use exportOnnxFiles");
  });

  it("refuses options that do not fit, by name", async () => {
    const fn = ({ x }: tf.NamedTensorMap) => ({ y: tf.abs(x!) });
    expect(await refusal(fn)).toContain("inputs");
    expect(await refusal(fn, { inputs: { x: row }, metdata: {} })).toContain('did you mean "metadata"');
    expect(await refusal(fn, { inputs: { x: { shape: [0], dtype: "float32" } } })).toContain("inputs.x.shape[0]");
    expect(await refusal(fn, { inputs: { x: { shape: [2], dtype: "float" } } })).toContain('did you mean "float32"');
    expect(await refusal(fn, { inputs: { x: row }, metadata: { a: 1 } })).toContain("metadata.a: expected a string");
    expect(await refusal(fn, { inputs: { x: row }, state: new Map([["w", tf.scalar(1)]]) })).toContain("state.w");
    expect(await refusal(fn, { inputs: { x: row }, weights: { w: tf.scalar(1) } })).toContain("weights");
    const open = { x: { shape: ["a"], dtype: "float32" } };
    expect(await refusal(fn, { inputs: open, openSizes: { b: [2, 3, 4] } })).toContain('a size named "b"');
    expect(await refusal(fn, { inputs: open, openSizes: { a: [2, 3, 3] } })).toContain("three different numbers");
    expect(await refusal(fn, { inputs: open, openSizes: { a: [1, 3, 4] } })).toContain("openSizes.a[0]");
    const many = { x: { shape: ["a", "b", "c", "d", "e", "f"], dtype: "float32" } };
    expect(await refusal(fn, { inputs: many })).toContain("at most 5 open sizes");
  });

  it("refuses to lose what the function assigns, and keeps the variable", async () => {
    const count = tf.variable(tf.scalar(1), true, "count");
    const fn = ({ x }: tf.NamedTensorMap) => {
      count.assign(tf.add(count, 1) as tf.Scalar);
      return { y: tf.mul(x!, count) };
    };
    expect(await refusal(fn, { inputs: { x: row } })).toContain('assigns the variable "count"');
    expect(count.dataSync()[0]).toBe(1);
    const failing = () => {
      count.assign(tf.scalar(5));
      throw new Error("own");
    };
    await expect(untyped(failing, { inputs: { x: row } })).rejects.toThrow("own");
    expect(count.dataSync()[0]).toBe(1);
  });
});
