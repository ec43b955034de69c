import { Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, it } from "vitest";
import { continueTransformer } from "./continue-transformer.js";

beforeAll(() => tf.setBackend("cpu"));

const sizes = { vocabularySize: 5, contextLength: 6, width: 8, heads: 2, layers: 2 };
const make = (options: object, seed: number) =>
  TinyTransformer.create({ ...sizes, ...options }, { random: Random.fromSeed(seed) });
const everyId = Int32Array.of(0, 1, 2, 3, 4);
const tokens = { data: Int32Array.of(0, 1, 2, 3, 4, 0), count: 1, length: 6 };

async function logitsOf(model: TinyTransformer, data: Int32Array): Promise<Float32Array> {
  const logits = tf.tidy(() => model.forward(tf.tensor2d(data, [1, data.length], "int32")));
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values;
}

describe("continueTransformer", () => {
  it("makes a model of the same sizes the same, tied weights included", async () => {
    for (const tiedWeights of [false, true]) {
      using known = make({ tiedWeights }, 1);
      using next = make({ tiedWeights }, 2);
      continueTransformer(next, { transformer: known, ids: everyId });
      expect(await logitsOf(next, tokens.data)).toEqual(await logitsOf(known, tokens.data));
    }
  });

  it("gives ids of the same meaning the same logits, in another order and among more", async () => {
    using known = make({}, 1);
    using next = make({ vocabularySize: 7 }, 2);
    const ids = Int32Array.of(4, -1, 0, 1, -1, 3, 2);
    const placeOf = (id: number) => ids.indexOf(id);
    continueTransformer(next, { transformer: known, ids });
    const before = await logitsOf(known, tokens.data);
    const after = await logitsOf(next, tokens.data.map(placeOf));
    for (let position = 0; position < 6; position++) {
      const moved = Array.from({ length: 5 }, (_, id) => after[position * 7 + placeOf(id)]!);
      // The same sums over the same values.
      expect(moved).toEqual([...before.subarray(position * 5, position * 5 + 5)]);
    }
  });

  it("leaves rows of ids that are new as they were, also where the tables have one shape", async () => {
    using known = make({}, 1);
    using next = make({}, 2);
    const rowOf = async (model: TinyTransformer, id: number) => (await model.head.weight.value.array())[id]!;
    const own = await rowOf(next, 3);
    continueTransformer(next, { transformer: known, ids: Int32Array.of(0, 1, 2, -1, 3) });
    expect(await rowOf(next, 3)).toEqual(own);
    expect(await rowOf(next, 4)).toEqual(await rowOf(known, 3));
  });

  it("takes the learned positions that both have, and the layers, where sequences are longer", async () => {
    using known = make({}, 1);
    using next = make({ contextLength: 8 }, 2);
    continueTransformer(next, { transformer: known, ids: everyId });
    expect(await logitsOf(next, tokens.data)).toEqual(await logitsOf(known, tokens.data));
  });

  it("gives a model that sees all places the layers of a causal one", () => {
    using known = make({}, 1);
    using next = make({ causal: false, layers: 3 }, 2);
    const names = [...next.parameters.keys()];
    const own = new Map(names.map((name) => [name, [...next.parameters.get(name)!.dataSync()]]));
    continueTransformer(next, { transformer: known, ids: everyId });
    const kept = names.filter(
      (name) => [...next.parameters.get(name)!.dataSync()].join() === own.get(name)!.join() && name.includes(".h.2."),
    );
    expect(kept).toEqual(names.filter((name) => name.includes(".h.2.")));
    const shared = names.filter((name) => name.includes(".h.0.attn"));
    expect(shared.length).toBeGreaterThan(0);
    for (const name of shared) {
      expect([...next.parameters.get(name)!.dataSync()]).toEqual([...known.parameters.get(name)!.dataSync()]);
    }
  });

  it("takes nothing of another width but leaks nothing either", () => {
    using known = make({}, 1);
    using next = make({ width: 16 }, 2);
    const [before] = [...next.head.weight.value.dataSync()];
    const { numTensors } = tf.memory();
    continueTransformer(next, { transformer: known, ids: everyId });
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(next.head.weight.value.dataSync()[0]).toBe(before);
  });
});
