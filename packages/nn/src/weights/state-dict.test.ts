import { CheckpointError, type SafetensorsContent, type StoredTensor } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { exportStateDict, importStateDict, type OwnWeights, type WeightNames } from "../index.js";

const float32 = (shape: readonly number[], first: number): StoredTensor => {
  const size = shape.reduce((product, side) => product * side, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length: size }, (_, i) => first + i) };
};
const own: OwnWeights = {
  shapes: new Map([
    ["encoder.0.weight", [2, 3]],
    ["encoder.0.bias", [2]],
    ["blocks.7.norm.weight", [2]],
    ["head.weight", [4]],
  ]),
};
const names: WeightNames = {
  names: { "encoder.0": "enc.fc1", "blocks.*.norm": "layer_*.ln" },
  transposed: ["encoder.*.weight"],
  ignored: ["mask"],
};
const file = (tensors: Record<string, StoredTensor>): SafetensorsContent => ({
  tensors: new Map(Object.entries(tensors)),
  metadata: {},
});
const entries = {
  "enc.fc1.weight": float32([3, 2], 0),
  "enc.fc1.bias": float32([2], 10),
  "layer_7.ln.weight": float32([2], 20),
  "head.weight": float32([4], 30),
};

describe("weights of another program", () => {
  it("come by our names, transposed where they lie so, and go back", () => {
    const weights = importStateDict(
      file({ ...entries, "enc.mask": float32([1], 0), "enc.1.num_batches_tracked": float32([], 7) }),
      own,
      names,
    );
    expect([...weights.keys()]).toEqual([...own.shapes.keys()]);
    expect(weights.get("encoder.0.weight")).toEqual({
      dtype: "float32",
      shape: [2, 3],
      data: Float32Array.of(0, 2, 4, 1, 3, 5),
    });
    expect(weights.get("blocks.7.norm.weight")).toBe(entries["layer_7.ln.weight"]);
    expect(Object.fromEntries(exportStateDict(weights, own, names))).toEqual(entries);
  });

  it("come without what wrappers put before their names", () => {
    const wrapped = Object.entries(entries).map(([name, tensor]) => [`module._orig_mod.model.${name}`, tensor]);
    const prefixed = { ...names, prefixes: ["model."] };
    const weights = importStateDict(file(Object.fromEntries(wrapped)), own, prefixed);
    expect(weights).toEqual(importStateDict(file(entries), own, names));
  });

  it("are refused all at once, with what is missing, misshaped and left over", () => {
    const wrong = { ...entries, "head.weight": float32([2, 2], 0), "enc.fc1.biass": entries["enc.fc1.bias"] };
    const { "enc.fc1.bias": _, ...rest } = wrong;
    const load = () => importStateDict(file(rest), own, names);
    expect(load).toThrow(CheckpointError);
    expect(load).toThrow(
      "The file's weights are not this model's: missing: enc.fc1.bias [2] (nearest left over: enc.fc1.biass); " +
        "of another shape: head.weight is float32 [2, 2] and not float32 [4]; left over: enc.fc1.biass.",
    );
  });

  it("may lack biases where the names say so, but no weights", () => {
    const { "enc.fc1.bias": _, ...rest } = entries;
    const zero = { ...names, biases: "zero when absent" } as const;
    expect(importStateDict(file(rest), own, zero).get("encoder.0.bias")!.data).toEqual(Float32Array.of(0, 0));
    expect(() => importStateDict(file(rest), own, names)).toThrow("missing: enc.fc1.bias [2]");
    const { "head.weight": __, ...headless } = entries;
    expect(() => importStateDict(file(headless), own, zero)).toThrow("missing: head.weight [4]");
  });

  it("are refused where two names are one without their prefixes", () => {
    const twice = { ...entries, "module.head.weight": float32([4], 50) };
    expect(() => importStateDict(file(twice), own, names)).toThrow("holds head.weight twice");
  });

  it("are refused in no time, whatever a file is full of", () => {
    const hostile: Record<string, StoredTensor> = { [`${"module.".repeat(1_000_000)}x`]: float32([1], 0) };
    for (let i = 0; i < 20_000; i++) {
      hostile[`${i}.${"ab".repeat(100)}\n`] = float32([0], 0);
    }
    const many = new Map(Array.from({ length: 5000 }, (_, i) => [`block.${i}.weight`, [1]] as const));
    const start = performance.now();
    let message = "";
    try {
      importStateDict(file(hostile), { shapes: many }, names);
    } catch (error) {
      expect(CheckpointError.isInstance(error)).toBe(true);
      message = (error as Error).message;
    }
    expect(performance.now() - start).toBeLessThan(1000);
    expect(message).toContain("(5000 in all)");
    expect(message.length).toBeLessThan(2000);
  });

  it("need prefixes that are some text", () => {
    expect(() => importStateDict(file(entries), own, { ...names, prefixes: [""] })).toThrow(/prefixes\[0\].*not empty/);
  });
});
