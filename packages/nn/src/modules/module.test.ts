import { inspect } from "node:util";
import {
  CheckpointError,
  MmgenError,
  type ModelFile,
  Random,
  readSafetensors,
  ShapeError,
  writeSafetensors,
} from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { relu } from "../functions/relu.js";
import type { CompileOptions, TensorFunction } from "../transforms/compile.js";
import { filled, normal, uniform } from "../weights/initializers.js";
import { Convolution2d } from "./convolution2d.js";
import { Linear } from "./linear.js";
import { loadModel, saveModel } from "./model-files.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

const draws = (shape: readonly number[], random: Random) => uniform(shape, { random, low: -1, high: 1 });

class Block extends Module {
  static override readonly paths = { innerNorm: "ln_1" };
  readonly innerNorm = new Parameter<tf.Tensor1D>({ shape: [2], initial: filled(1) });
  readonly steps = new Parameter({ shape: [1], initial: filled(0), role: "buffer" });
}

class Tree extends Module {
  static override readonly paths = { layers: "", head: "output" };
  readonly config = { type: "tree", sizes: { width: 2 }, depth: 3, head: { type: "linear" } };
  readonly layers = { stem: new Linear({ inputs: 3, outputs: 2 }), down: [new Block(), { conv: new Block() }] };
  readonly table = new Parameter({ shape: [2], initial: () => tf.tensor1d([1, 2]), role: "constant" });
  readonly head: Linear;
  readonly holder: Module = this;
  readonly double = this.compiled((x) => [tf.mul(this.forward(x!), this.table.value)]);

  constructor() {
    super();
    this.head = new Linear({ inputs: 3, outputs: 2, bias: false, weight: this.layers.stem.weight });
  }

  forward(x: tf.Tensor): tf.Tensor {
    return relu(this.layers.stem.forward(x));
  }
}

const format = { kind: "mmgen.tree", version: 1 };
const names = ["stem.weight", "stem.bias", "down.0.ln_1", "down.0.steps", "down.1.conv.ln_1", "down.1.conv.steps"];
let tensorsBefore: number;

beforeEach(async () => {
  await tf.setBackend("cpu");
  tensorsBefore = tf.memory().numTensors;
});

afterEach(() => {
  expect(tf.memory().numTensors).toBe(tensorsBefore);
});

describe("Module", () => {
  it("names parameters by the fields that hold them, in their order", () => {
    using model = new Tree();
    expect([...model.weights.keys()]).toEqual(names);
    expect(model.parameterCount).toBe(6 + 2 + 2 + 2);
    model.initializeWeights(Random.fromSeed(1));
    expect([...model.parameters.keys()]).toEqual(names.filter((name) => !name.endsWith("steps")));
    expect([...model.buffers.keys()]).toEqual(["down.0.steps", "down.1.conv.steps"]);
    expect([...model.parameters.values()].every(({ trainable }) => trainable)).toBe(true);
    expect([...model.buffers.values()].some(({ trainable }) => trainable)).toBe(false);
    expect(model.layers.down[0]).toBeInstanceOf(Block);
    expect((model.layers.down[0] as Block).innerNorm.path).toBe("down.0.ln_1");
    expect([...model.layers.stem.parameters.keys()]).toEqual(["weight", "bias"]);
  });

  it("refuses two parameters of one name", () => {
    class Twice extends Module {
      static override readonly paths = { a: "b" };
      readonly a = new Parameter({ shape: [1], initial: filled(0) });
      readonly b = new Parameter({ shape: [1], initial: filled(0) });
    }
    expect(() => new Twice().weights).toThrow('Two parameters of Twice are named "b"');
  });

  it("holds weights that are tied once, under their first name", async () => {
    using model = new Tree().initializeWeights(Random.fromSeed(1));
    expect(model.head.weight).toBe(model.layers.stem.weight);
    const { tensors } = readSafetensors(await model.exportStateDict());
    expect([...tensors.keys()].sort()).toEqual([...names, "output.weight"].sort());
    expect(tensors.get("output.weight")).toEqual(tensors.get("stem.weight"));
    using again = new Tree().importStateDict(await model.exportStateDict());
    expect(await again.storeWeights()).toEqual(await model.storeWeights());
  });
});

describe("initializeWeights", () => {
  class Drawn extends Module {
    readonly rows = new Parameter({ shape: [2, 2], initial: draws });
    readonly sums = new Parameter({ shape: [2, 2], initial: draws, role: "buffer", drawnAs: this.rows });
    readonly renamed = new Parameter({ shape: [3], initial: draws, drawnAs: "before" });
    readonly last = new Parameter({ shape: [3], initial: draws });
  }

  it("draws each parameter from the stream of its name, or of drawnAs", async () => {
    using model = new Drawn().initializeWeights(Random.fromSeed(4));
    const drawn = (name: string, size: number) => Random.fromSeed(4).fork(name).uniforms(size, -1, 1);
    expect(await model.rows.value.data()).toEqual(drawn("rows", 4));
    expect(await model.sums.value.data()).toEqual(drawn("rows", 4));
    expect(await model.renamed.value.data()).toEqual(drawn("before", 3));
    expect(await model.last.value.data()).toEqual(drawn("last", 3));
  });

  it("draws all from one stream where asked", async () => {
    using model = new Drawn().initializeWeights(Random.fromSeed(4), { streams: "shared" });
    const stream = Random.fromSeed(4);
    for (const { value, size } of [model.rows, model.sums, model.renamed, model.last]) {
      expect(await value.data()).toEqual(stream.uniforms(size, -1, 1));
    }
  });

  it("refuses a second time, and values of another shape, and leaves nothing behind", () => {
    using model = new Drawn().initializeWeights(Random.fromSeed(4));
    expect(() => model.initializeWeights(Random.fromSeed(4))).toThrow("This Drawn has its weights already");
    class Wrong extends Module {
      readonly right = new Parameter({ shape: [2], initial: filled(0) });
      readonly wrong = new Parameter({ shape: [2], initial: () => tf.zeros([3]) });
    }
    const wrong = new Wrong();
    expect(() => wrong.initializeWeights(Random.fromSeed(0))).toThrow(ShapeError);
    expect(() => new Wrong().initializeWeights(Random.fromSeed(0))).toThrow("wrong: declared as float32 [2]");
    expect(() => wrong.right.value).toThrow("has no value yet. Call initializeWeights");
  });
});

describe("model files", () => {
  class Small extends Module {
    readonly conv: Convolution2d;
    readonly count = new Parameter({
      shape: [1],
      dtype: "int32",
      initial: () => tf.tensor1d([7], "int32"),
      role: "buffer",
    });

    constructor(readonly config: { readonly channels: number }) {
      super();
      this.conv = new Convolution2d({ inputs: 1, outputs: config.channels, filter: 3 });
    }
  }
  const build = ({ config }: { readonly config: unknown }) => new Small(config as { channels: number });

  it("come back with every bit, the run, and PyTorch's layouts", async () => {
    using model = new Small({ channels: 2 }).initializeWeights(Random.fromSeed(3));
    const bytes = await saveModel(model, format, { config: model.config, run: "r1" });
    expect(readSafetensors(bytes).tensors.get("conv.weight")!.shape).toEqual([2, 1, 3, 3]);
    using again = loadModel(bytes, format, build);
    expect(again.run).toBe("r1");
    expect(await again.conv.weight.value.data()).toEqual(await model.conv.weight.value.data());
    expect(await again.count.value.data()).toEqual(Int32Array.of(7));
    expect(await saveModel(again, format, { config: again.config })).toEqual(bytes);
  });

  it("are compared with what the model declares before anything is allocated", async () => {
    using model = new Small({ channels: 2 }).initializeWeights(Random.fromSeed(3));
    const save = (config: unknown) => saveModel(model, format, { config });
    const bytes = await save({ channels: 3 });
    const { numTensors } = tf.memory();
    expect(() => loadModel(bytes, format, build)).toThrow("conv.weight: expected float32 [3, 1, 3, 3]");
    expect(tf.memory().numTensors).toBe(numTensors);
    const other = await save({ channels: 2 });
    expect(() => loadModel(other, { ...format, kind: "mmgen.other" }, build)).toThrow(CheckpointError);
    const refuse = () => {
      throw new TypeError("channels: no.");
    };
    expect(() => loadModel(other, format, refuse)).toThrow("The file's configuration cannot be used: channels: no.");
  });

  it("of an older format are upgraded first", async () => {
    using model = new Small({ channels: 2 }).initializeWeights(Random.fromSeed(3));
    const tensors = await model.storeWeights();
    tensors.set("convolution.bias", tensors.get("conv.bias")!).delete("conv.bias");
    const old = writeSafetensors({ tensors, metadata: { model: "tree", config: '{"kanals":2}' } });
    const legacy = { field: "model", value: "tree" } as const;
    const upgrade = (file: ModelFile): ModelFile => {
      expect(file.version).toBe(0);
      const renamed = new Map([...file.tensors].map(([name, each]) => [name.replace("convolution", "conv"), each]));
      return { ...file, config: { channels: (file.config as { kanals: number }).kanals }, tensors: renamed };
    };
    using again = loadModel(old, { ...format, legacy, upgrade }, build);
    expect(await again.storeWeights()).toEqual(await model.storeWeights());
    const fail = () => {
      throw new TypeError("no such version");
    };
    expect(() => loadModel(old, { ...format, legacy, upgrade: fail }, build)).toThrow(CheckpointError);
  });

  it("are assigned to a model that has weights, all or none", async () => {
    using model = new Small({ channels: 2 }).initializeWeights(Random.fromSeed(3));
    using other = new Small({ channels: 2 }).initializeWeights(Random.fromSeed(9));
    const stored = await model.storeWeights();
    const before = await other.storeWeights();
    const damaged = new Map([...stored].reverse()).set("conv.bias", stored.get("conv.weight")!);
    expect(() => other.loadWeights(damaged)).toThrow("conv.bias");
    expect(await other.storeWeights()).toEqual(before);
    const { variable } = other.conv.weight;
    expect(await other.loadWeights(stored).storeWeights()).toEqual(stored);
    expect(other.conv.weight.variable).toBe(variable);
  });

  it("of other programs leave out what only training here keeps", async () => {
    class Kept extends Module {
      readonly rows = new Parameter({ shape: [2], initial: (shape, random) => normal(shape, { random }) });
      readonly counts = new Parameter({ shape: [3], initial: filled(0), role: "buffer", imported: 1 });
      readonly sums = new Parameter({ shape: [2], initial: filled(0), role: "buffer", imported: this.rows });
    }
    using model = new Kept().initializeWeights(Random.fromSeed(3));
    const file = await model.exportStateDict({ names: { rows: "embedding.weight" } });
    expect([...readSafetensors(file).tensors.keys()]).toEqual(["embedding.weight"]);
    using again = new Kept().importStateDict(file, { names: { rows: "embedding.weight" } });
    expect(await again.counts.value.data()).toEqual(Float32Array.of(1, 1, 1));
    expect(await again.sums.value.data()).toEqual(await model.rows.value.data());
    expect(() => new Kept().importStateDict(file)).toThrow("missing: rows [2]");
  });
});

describe("dispose", () => {
  it("frees every value once, and leaves one error behind", () => {
    const model = new Tree().initializeWeights(Random.fromSeed(1));
    const { parameters } = model;
    model.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensorsBefore);
    const message = "Tree has been disposed. Make or load another.";
    expect(() => tf.tidy(() => model.double(tf.zeros([1, 3])))).toThrow(MmgenError);
    expect(() => model.loadWeights(new Map())).toThrow(message);
    expect(() => model.layers.stem.weight.value).toThrow(`stem.weight: this ${message}`);
    expect(model.parameters).toBe(parameters);
    tf.disposeVariables();
  });

  it("is safe on a model without weights", () => {
    new Tree().dispose();
  });
});

describe("inspect", () => {
  it("says class, size and first fields in a line", () => {
    const model = new Tree();
    expect(inspect({ model })).toBe('{ model: Tree(12 parameters, type "tree", depth 3, head "linear") }');
    model.dispose();
    expect(inspect(model)).toBe('Tree(disposed, type "tree", depth 3, head "linear")');
  });
});

describe("compiled", () => {
  it("takes the weights as constants, so that one trace serves all later values", async () => {
    const backend = tf.backend() as tf.KernelBackend & { compile?: unknown };
    const traces: tf.Tensor[][] = [];
    backend.compile =
      (fn: TensorFunction, { constants }: CompileOptions) =>
      (...inputs: tf.Tensor[]) => {
        traces.push([...inputs, ...constants!()]);
        // As a tracing backend does: other tensors stand for the inputs and the constants.
        return tf.tidy(() => fn(...traces.at(-1)!.map((input) => tf.mul(input, 2))));
      };
    try {
      using model = new Tree().initializeWeights(Random.fromSeed(1));
      const x = tf.tensor2d([[1, -1, 0.5]]);
      const [fed] = model.double(x);
      const expected = tf.tidy(() => {
        const { weight, bias } = model.layers.stem;
        const doubled = tf.add(tf.matMul(tf.mul(x, 2), tf.mul(weight.value, 2), false, true), tf.mul(bias!.value, 2));
        return tf.mul(tf.relu(doubled), tf.mul(model.table.value, 2));
      });
      expect(await fed!.data()).toEqual(await expected.data());
      expect(traces[0]!.slice(1)).toEqual([...model.weights.values(), model.table].map(({ value }) => value));
      expect(model.layers.stem.weight.value).toBe(model.layers.stem.weight.variable);
      tf.dispose([x, fed!, expected]);
    } finally {
      delete backend.compile;
    }
  });

  it("puts the weights back when the function throws", () => {
    class Failing extends Module {
      readonly weight = new Parameter({ shape: [1], initial: filled(0) });
      readonly fail = this.compiled(() => {
        throw new Error("no");
      });
    }
    using model = new Failing().initializeWeights(Random.fromSeed(1));
    expect(() => model.fail()).toThrow("no");
    expect(model.weight.value).toBe(model.weight.variable);
  });
});
