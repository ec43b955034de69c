import {
  CheckpointError,
  Random,
  readSafetensors,
  type StoredTensor,
  safetensorsSignature,
  writeSafetensors,
} from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  assignSafetensors,
  Linear,
  loadModel,
  Module,
  normal,
  Parameter,
  resolveSaveOptions,
  type SavedDtype,
  type SaveOptions,
  saveModel,
  variable,
} from "../index.js";
import { dequantizedWeights } from "./quantized-weights.js";

beforeAll(() => tf.setBackend("cpu"));

const format = { kind: "test.forms", version: 1 };
const draw = (shape: readonly number[], random: Random) => normal([...shape], { random, standardDeviation: 0.3 });

/** One weight of each kind that a file treats differently. */
class Forms extends Module {
  readonly linear = new Linear({ inputs: 64, outputs: 10 });
  readonly narrow = new Linear({ inputs: 8, outputs: 4 });
  readonly codes = new Parameter({ shape: [16, 40], initial: draw, quantizable: false });
  readonly rows = new Parameter({ shape: [16, 40], initial: draw, role: "buffer" });
  readonly counts = new Parameter({ shape: [40], initial: draw, role: "buffer" });
  readonly steps = new Parameter({ shape: [2, 40], dtype: "int32", initial: (shape) => tf.ones([...shape], "int32") });
}

const made = (seed = 1) => new Forms().initializeWeights(Random.fromSeed(seed));
const load = (bytes: Uint8Array) => loadModel(bytes, format, () => new Forms());
const save = (model: Module, options: SaveOptions) => saveModel(model, format, { config: {}, ...options });
const valuesOf = (model: Module, name: string) => model.weights.get(name)!.variable.dataSync();
const fileOf = async (dtype: SavedDtype) => {
  using model = made();
  return save(model, { dtype });
};
const formsIn = (bytes: Uint8Array) => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, (entry as { dtype: string }).dtype]));
};

describe("a model's file", () => {
  it("holds each weight in the form that its dtype asks for", async () => {
    const half = {
      ...{ "linear.weight": "F16", "linear.bias": "F16", "narrow.weight": "F16", "narrow.bias": "F16" },
      ...{ codes: "F16", rows: "F16", counts: "F32", steps: "I32" },
    };
    expect(new Set(Object.values(formsIn(await fileOf("float32"))))).toEqual(new Set(["F32", "I32"]));
    expect(formsIn(await fileOf("float16"))).toEqual(half);
    expect(formsIn(await fileOf("q8"))).toEqual({ ...half, "linear.weight": "I8", "linear.weight_scale": "F32" });
  });

  it.each(["float16", "q8"] as const)("of %s comes back as float32, as near as its form allows", async (dtype) => {
    using model = made();
    const bytes = await save(model, { dtype });
    const before = tf.memory().numTensors;
    const loaded = load(bytes);
    for (const [name, { shape, dtype: type }] of model.weights) {
      const [saved, got] = [valuesOf(model, name), valuesOf(loaded, name)];
      expect(loaded.weights.get(name)!.variable.dtype).toBe(type);
      const isQuantized = dtype === "q8" && name === "linear.weight";
      const row = saved.length / (shape[0] ?? 1);
      saved.forEach((value, at) => {
        const start = Math.floor(at / row) * row;
        const largest = Math.max(...Array.from(saved.subarray(start, start + row), Math.abs));
        // Half a scale, a little more than a 254th of the row's largest value, or half of the last of 11 bits.
        const tolerance = isQuantized ? (largest / 254) * (1 + 2 ** -15) : Math.abs(value) * 2 ** -11 + 2 ** -25;
        expect(Math.abs(value - got[at]!), `${name} at ${at}`).toBeLessThanOrEqual(tolerance);
      });
    }
    expect([...valuesOf(loaded, "counts")]).toEqual([...valuesOf(model, "counts")]);
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("of a loaded model is the same file, byte for byte", async () => {
    for (const dtype of ["float32", "float16", "q8"] as const) {
      const bytes = await fileOf(dtype);
      using loaded = load(bytes);
      expect(await save(loaded, { dtype })).toEqual(bytes);
    }
  });

  it("keeps float32 where a value is beyond half precision, or none", async () => {
    using model = made();
    for (const [name, value] of [
      ["linear.weight", 70_000],
      ["narrow.weight", Number.NaN],
    ] as const) {
      const { shape, variable: weight } = model.weights.get(name)!;
      tf.tidy(() => weight.assign(tf.fill([...shape], value)));
      for (const dtype of ["float16", "q8"] as const) {
        const bytes = await save(model, { dtype });
        expect(formsIn(bytes)[name]).toBe("F32");
        using loaded = load(bytes);
        expect(valuesOf(loaded, name)[0]).toEqual(value);
      }
    }
  });

  it("holds rows of zeros and of the tiniest values in 8 bits", async () => {
    using model = made();
    const { variable: weight } = model.weights.get("linear.weight")!;
    const rows = [0, 2 ** -149, 2 ** -130, 1, 65504].flatMap((size) => [size, -size]);
    tf.tidy(() => weight.assign(tf.tensor2d(rows.map((size) => new Array(64).fill(size)))));
    using loaded = load(await save(model, { dtype: "q8" }));
    rows.forEach((size, row) => {
      // The scale is rounded up by less than 2⁻¹⁶ of itself; where it has fewer bits than that, by 2⁻¹⁴² at most.
      const error = Math.abs(valuesOf(loaded, "linear.weight")[row * 64]! - size);
      expect(error).toBeLessThanOrEqual(Math.abs(size) * 2 ** -15 + 127 * 2 ** -142);
    });
  });

  it("is written in known forms alone", () => {
    expect(resolveSaveOptions({ dtype: "q8", run: "a" })).toEqual({ dtype: "q8", run: "a" });
    expect(() => resolveSaveOptions({ dtype: "int8" as never })).toThrow('"float32", "float16" or "q8"');
    expect(() => resolveSaveOptions({ type: "q8" } as never)).toThrow("dtype");
  });
});

describe("8-bit weights of a file", () => {
  it("are read into variables too", async () => {
    const { tensors } = readSafetensors(await fileOf("q8"));
    const names = ["linear.weight", "linear.weight_scale"];
    const part = new Map(names.map((name) => [name, tensors.get(name)!]));
    const weights = new Map([["linear.weight", variable(() => tf.zeros([10, 64]))]]);
    assignSafetensors(weights, { tensors: part, metadata: {} });
    using loaded = load(await fileOf("q8"));
    expect([...weights.get("linear.weight")!.dataSync()]).toEqual([...valuesOf(loaded, "linear.weight")]);
    tf.dispose([...weights.values()]);
  });

  it("are turned into float32 when they are first needed, once", async () => {
    const { tensors } = readSafetensors(await fileOf("q8"));
    const weights = dequantizedWeights(tensors);
    expect([...weights.keys()].sort()).toEqual([...made().weights.keys()].sort());
    const weight = weights.get("linear.weight")!;
    expect(weight.data).toBe(weight.data);
    expect(weight.data).toBeInstanceOf(Float32Array);
  });

  const scales = (data: Float32Array, shape = [data.length]): StoredTensor => ({ dtype: "float32", shape, data });
  const scalesWith = (at: number, value: number) => new Float32Array(10).fill(0.01).with(at, value);
  it.each<[string, StoredTensor | undefined, string]>([
    ["no scales", undefined, "expected float32 [10], a scale for each row"],
    ["scales of another count", scales(new Float32Array(9)), "got float32 [9]"],
    ["scales of another shape", scales(new Float32Array(10), [10, 1]), "got float32 [10, 1]"],
    ["one scale", scales(new Float32Array(1), []), "got float32 []"],
    ["scales of another dtype", { dtype: "int32", shape: [10], data: new Int32Array(10) }, "got int32 [10]"],
    ["scales in 8 bits", { dtype: "int8", shape: [10], data: new Int8Array(10) }, "_scale"],
    ["a scale that is no number", scales(scalesWith(3, Number.NaN)), "got NaN at index 3"],
    ["an infinite scale", scales(scalesWith(9, Number.POSITIVE_INFINITY)), "got Infinity at index 9"],
    ["a negative scale", scales(scalesWith(0, -0.5)), "got -0.5 at index 0"],
  ])("are refused with %s", async (_, scale, message) => {
    const { metadata, tensors } = readSafetensors(await fileOf("q8"));
    const edited = new Map(tensors);
    edited.delete("linear.weight_scale");
    if (scale !== undefined) {
      edited.set("linear.weight_scale", scale);
    }
    const before = tf.memory().numTensors;
    const bytes = writeSafetensors({ metadata, tensors: edited });
    expect(() => load(bytes)).toThrow(CheckpointError);
    expect(() => load(bytes)).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("are refused in another shape, without an axis, and where the model has no such weight", () => {
    const file = (name: string, shape: number[], rows = shape[0] ?? 0) => {
      const size = shape.reduce((product, side) => product * side, 1);
      return new Map<string, StoredTensor>([
        [name, { dtype: "int8", shape, data: new Int8Array(size) }],
        [`${name}_scale`, scales(new Float32Array(rows))],
      ]);
    };
    const into = (tensors: ReadonlyMap<string, StoredTensor>) => () =>
      assignSafetensors(new Map([["a", tf.variable(tf.zeros([2, 3]))]]), { tensors, metadata: {} });
    expect(into(file("a", [3, 2]))).toThrow("a: expected float32 [2, 3], the checkpoint has float32 [3, 2]");
    expect(into(file("a", []))).toThrow("for a weight without an axis");
    expect(into(file("b", [2, 3]))).toThrow("missing weights: a; unknown weights: b.");
    expect(into(new Map([["a_scale", scales(new Float32Array(2))]]))).toThrow("unknown weights: a_scale");
  });

  it("hold against mutated files", async () => {
    await fuzz({
      name: "q8 model file",
      samples: [await fileOf("q8"), await fileOf("float16")],
      parse: load,
      release: (model: Forms) => model.dispose(),
      depth: (bytes, error) => {
        if (safetensorsSignature(bytes, bytes.length) !== undefined) {
          return "none";
        }
        return error === undefined || !/safetensors file|of kind|configuration/.test(error.message)
          ? "header"
          : "signature";
      },
      words: ['"I8"', '"F16"', '"F32"', "linear.weight_scale", "linear.weight"],
    });
  }, 60_000);
});
