import { runInNewContext } from "node:vm";
import {
  CheckpointError,
  ConfigError,
  Random,
  readSafetensors,
  type SafetensorsContent,
  type StoredTensor,
} from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distance } from "../functions/finite-differences.fixture.js";
import { assignSafetensors, convolutionFileLayout, normal, variable, weightsToSafetensors } from "../index.js";

beforeAll(() => tf.setBackend("cpu"));

const layouts = new Map([["conv.weight", convolutionFileLayout]]);

function makeWeights(seed: number): Map<string, tf.Variable> {
  const random = Random.fromSeed(seed);
  return new Map([
    ["linear.weight", variable(() => normal([3, 2], { random }))],
    ["conv.weight", variable(() => normal([4, 5, 2, 3], { random }))],
    ["steps", variable(() => tf.tensor1d([seed, 2], "int32"), { trainable: false })],
  ]);
}

describe("weights as safetensors", () => {
  it("comes back as it was, transposed layouts included, and leaks nothing", async () => {
    const [saved, loaded] = [makeWeights(1), makeWeights(2)];
    const before = tf.memory();
    const bytes = await weightsToSafetensors(saved, { metadata: { model: "test" }, layouts });
    assignSafetensors(loaded, bytes, { layouts });
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
    for (const [name, tensor] of saved) {
      expect(distance(tensor, loaded.get(name)!)).toBe(0);
    }
    expect(readSafetensors(bytes).metadata).toEqual({ model: "test" });
  });

  it("lays filters out as PyTorch does", async () => {
    const saved = makeWeights(1);
    const { tensors } = readSafetensors(await weightsToSafetensors(saved, { layouts }));
    const { shape, data } = tensors.get("conv.weight")!;
    expect(shape).toEqual([3, 2, 4, 5]); // [out, in, height, width]
    const filter = saved.get("conv.weight")!.arraySync() as number[][][][];
    expect(data[((2 * 2 + 1) * 4 + 3) * 5 + 4]).toBe(filter[3]![4]![1]![2]);
  });

  it("assigns nothing when one weight does not fit", async () => {
    const saved = makeWeights(1);
    const loaded = makeWeights(2);
    const held = tf.clone(loaded.get("linear.weight")!);
    saved.get("conv.weight")!.dispose();
    saved.set(
      "conv.weight",
      variable(() => tf.zeros([4, 5, 2, 2])),
    );
    const bytes = await weightsToSafetensors(saved, { layouts });
    expect(() => assignSafetensors(loaded, bytes, { layouts })).toThrow(CheckpointError);
    expect(() => assignSafetensors(loaded, bytes, { layouts })).toThrow("expected float32 [3, 2, 4, 5]");
    expect(distance(held, loaded.get("linear.weight")!)).toBe(0);
  });

  it("names missing and unknown weights", async () => {
    const saved = makeWeights(1);
    saved.set("other", saved.get("steps")!);
    saved.delete("steps");
    const bytes = await weightsToSafetensors(saved);
    expect(() => assignSafetensors(makeWeights(2), bytes)).toThrow("missing weights: steps; unknown weights: other");
  });

  it("refuses a truncated file", async () => {
    const bytes = await weightsToSafetensors(makeWeights(1));
    expect(() => assignSafetensors(makeWeights(2), bytes.subarray(0, bytes.length - 1))).toThrow(CheckpointError);
  });

  it("are read from another realm, from an ArrayBuffer and from a file already read", async () => {
    const saved = makeWeights(1);
    const bytes = await weightsToSafetensors(saved, { layouts });
    const foreign = runInNewContext("Uint8Array.from(bytes)", { bytes: [...bytes] }) as Uint8Array;
    const content = runInNewContext("({ tensors: new Map(entries), metadata: {} })", {
      entries: [...readSafetensors(bytes).tensors],
    }) as SafetensorsContent;
    for (const file of [foreign, bytes.slice().buffer, content]) {
      const loaded = makeWeights(2);
      assignSafetensors(loaded, file, { layouts });
      expect(distance(saved.get("conv.weight")!, loaded.get("conv.weight")!)).toBe(0);
    }
    for (const other of [undefined, null, "weights.safetensors", 3, {}, { tensors: [] }]) {
      expect(() => assignSafetensors(makeWeights(2), other as never)).toThrow(ConfigError);
    }
  });

  it("are told apart from those of another model in no time, whatever their names", () => {
    const tensors = new Map<string, StoredTensor>();
    for (let i = 0; i < 50_000; i++) {
      tensors.set(`\u001b[2J${i}${"x".repeat(50)}`, { dtype: "float32", shape: [0], data: new Float32Array(0) });
    }
    const start = performance.now();
    let message = "";
    try {
      assignSafetensors(new Map([...makeWeights(2)]), { tensors, metadata: {} });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(performance.now() - start).toBeLessThan(500);
    expect(message).toContain('unknown weights: "\\u001b[2J0xxx');
    expect(message).toContain("… (50000)");
    expect(message.length).toBeLessThan(1000);
  });
});
