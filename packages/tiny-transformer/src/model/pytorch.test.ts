import { readFileSync } from "node:fs";
import {
  CheckpointError,
  Random,
  readSafetensors,
  type StoredTensor,
  type TokenBatch,
  writeSafetensors,
} from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { gpt2Names, nanoGptNames, type PyTorchOptions, TinyTransformer, type TransformerOptions } from "../index.js";

// Written by PyTorch: bench/interchange/interchange.py.
const read = (name: string) => readFileSync(new URL(`../../fixtures/pytorch/${name}.safetensors`, import.meta.url));
const config: TransformerOptions = {
  vocabularySize: 11,
  contextLength: 6,
  width: 12,
  heads: 3,
  layers: 2,
  tiedWeights: true,
};
const files: [name: string, options: PyTorchOptions][] = [
  ["nanogpt", { config }],
  ["nanogpt", { config: { ...config, bias: false } }],
  ["gpt2", { config: { ...config, gelu: "tanh" }, names: gpt2Names }],
];

function expectedOf(name: string): { ids: TokenBatch; logits: Float32Array } {
  const { tensors } = readSafetensors(read(`${name}-expected`));
  const { data, shape } = tensors.get("ids")!;
  const [count, length] = shape as [number, number];
  return { ids: { data: data as Int32Array, count, length }, logits: tensors.get("logits")!.data as Float32Array };
}

/** The nanoGPT file with entries changed, added or, where undefined, removed. */
function edited(changes: Record<string, StoredTensor | undefined>): Uint8Array {
  const tensors = new Map(readSafetensors(read("nanogpt")).tensors);
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor) {
      tensors.set(name, tensor);
    } else {
      tensors.delete(name);
    }
  }
  return writeSafetensors({ tensors, metadata: {} });
}

const zeros = (...shape: number[]): StoredTensor => ({
  dtype: "float32",
  shape,
  data: new Float32Array(shape.reduce((product, side) => product * side, 1)),
});

beforeAll(() => tf.setBackend("cpu"));

describe.each(files)("a %s file", (name, options) => {
  it("gives PyTorch's logits to 1e-5", async () => {
    using model = TinyTransformer.loadPyTorch(read(name), options);
    const { ids, logits } = expectedOf(name);
    const ours = await model.logits(ids);
    expect(ours.length).toBe(logits.length);
    const gap = Math.max(...ours.map((value, at) => Math.abs(value - logits[at]!)));
    expect(gap).toBeLessThan(1e-5); // float32, with sums in a different order
    expect(Math.max(...logits) - Math.min(...logits)).toBeGreaterThan(1); // otherwise the bound would be meaningless
  });

  it("is saved with PyTorch's names and values", async () => {
    using model = TinyTransformer.loadPyTorch(read(name), options);
    const { names } = options;
    const back = readSafetensors(await model.savePyTorch(names && { names })).tensors;
    const plain = (key: string) => key.replace("_orig_mod.", "").replace(/^(?=wte|wpe|h\.|ln_f)/, "transformer.");
    for (const [key, tensor] of readSafetensors(read(name)).tensors) {
      if (!key.endsWith("attn.bias")) {
        expect(back.get(plain(key)), key).toEqual(tensor);
      }
    }
    expect(back.has("lm_head.weight")).toBe(true); // load_state_dict expects both names of a tied weight
    using again = TinyTransformer.loadPyTorch(writeSafetensors({ tensors: back, metadata: {} }), options);
    const { ids } = expectedOf(name);
    expect(await again.logits(ids)).toEqual(await model.logits(ids));
  });
});

it("is saved without biases by a model without biases", async () => {
  const options = { config: { ...config, bias: false } };
  using model = TinyTransformer.loadPyTorch(read("nanogpt"), options);
  const names = [...readSafetensors(await model.savePyTorch()).tensors.keys()];
  const theirs = [...readSafetensors(read("nanogpt")).tensors.keys()].map((name) => name.replace("_orig_mod.", ""));
  expect(names.sort()).toEqual(theirs.filter((name) => !name.endsWith(".attn.bias")).sort());
  using biased = TinyTransformer.loadPyTorch(read("nanogpt"), { config });
  const load = async () => TinyTransformer.loadPyTorch(await biased.savePyTorch(), options);
  await expect(load).rejects.toThrow(/left over: transformer\.h\.0\.ln_1\.bias, .* \(13 in all\)/);
});

describe("a file that does not fit", () => {
  const wte = "_orig_mod.transformer.wte.weight";
  it.each<[string, Record<string, StoredTensor | undefined>, Partial<TransformerOptions>, RegExp]>([
    [
      "has a weight under another name",
      { "_orig_mod.transformer.wpe.weight": undefined, "transformer.wpos.weight": zeros(6, 12) },
      {},
      /missing: transformer\.wpe\.weight \[6, 12\] \(nearest left over: transformer\.wpos\.weight\); left over: transformer\.wpos\.weight/,
    ],
    [
      "is of a longer context",
      {},
      { contextLength: 7 },
      /transformer\.wpe\.weight is float32 \[6, 12\] and not float32 \[7, 12\]/,
    ],
    ["has more layers", {}, { layers: 1 }, /left over: transformer\.h\.1\.attn\.c_attn\.weight, .* \(6 in all\)/],
    ["has fewer layers", {}, { layers: 3 }, /missing: transformer\.h\.2\.ln_1\.weight \[12\]/],
    [
      "holds another dtype",
      { [wte]: { dtype: "int32", shape: [11, 12], data: new Int32Array(132) } },
      {},
      /wte\.weight is int32 \[11, 12\]/,
    ],
    ["is not tied", { "_orig_mod.lm_head.weight": zeros(11, 12) }, {}, /lm_head\.weight differs from .*untie/],
  ])("%s", (_, changes, differing, message) => {
    const before = tf.memory().numTensors;
    const load = () => TinyTransformer.loadPyTorch(edited(changes), { config: { ...config, ...differing } });
    expect(load).toThrow(CheckpointError);
    expect(load).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("lists missing biases when the names require them", () => {
    const names = { ...nanoGptNames, biases: "all there" } as const;
    expect(() => TinyTransformer.loadPyTorch(read("nanogpt"), { config, names })).toThrow(
      /missing: transformer\.h\.0\.ln_1\.bias \[12\].* \(13 in all\)/,
    );
  });
});

it("accepts a tied weight under either name, and an untied one under its own", async () => {
  const { ids, logits } = expectedOf("nanogpt");
  for (const absent of ["lm_head.weight", "transformer.wte.weight"]) {
    using model = TinyTransformer.loadPyTorch(edited({ [`_orig_mod.${absent}`]: undefined }), { config });
    expect((await model.logits(ids))[0]).toBeCloseTo(logits[0]!, 5);
  }
  const untied = { config: { ...config, tiedWeights: false } };
  using model = TinyTransformer.loadPyTorch(edited({ "_orig_mod.lm_head.weight": zeros(11, 12) }), untied);
  expect(new Set(await model.logits(ids))).toEqual(new Set([0]));
});

it("agrees with PyTorch on RMS norms, SwiGLU, norms of queries and keys, and places on a plane", async () => {
  using model = TinyTransformer.create(
    {
      ...{ vocabularySize: 7, contextLength: 8, width: 12, heads: 3, layers: 2, normalization: "rms" },
      ...{ feedForward: "swiglu", queryKeyNorm: true, positions: "rotary-2d", grid: { height: 2, width: 3, start: 1 } },
    },
    { random: Random.fromSeed(1) },
  );
  let first = 0;
  for (const [name, variable] of model.parameters) {
    const about = variable.rank === 1 && name.endsWith("weight") ? 1 : 0;
    const values = Float32Array.from({ length: variable.size }, (_, i) => about + Math.sin(1.7 * (first + i)) / 2);
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    first += variable.size;
  }
  const logits = await model.logits({ data: Int32Array.of(0, 3, 1, 6, 2, 5, 4, 1), count: 1, length: 8 });
  // Of positions 3 and 7, from torch 2.15 (rms_norm, scaled_dot_product_attention, silu) in float64.
  const expected = [
    [-0.5015, -1.04436, 0.45899, 1.06304, -0.41572, -1.07996, 0.37177],
    [-0.30795, -1.38686, 0.2515, 1.3971, -0.19464, -1.40502, 0.13745],
  ];
  for (const [i, position] of [3, 7].entries()) {
    logits.subarray(position * 7, (position + 1) * 7).forEach((value, id) => {
      expect(Math.abs(value - expected[i]![id]!)).toBeLessThan(2e-5);
    });
  }
});
