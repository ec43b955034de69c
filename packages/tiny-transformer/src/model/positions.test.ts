import { Random, readSafetensors, writeSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { TinyTransformer, type TransformerOptions } from "../index.js";
import { planePlaces } from "./positions.js";

it("places codes by row and column, and all else on the diagonal", () => {
  const { rows, columns } = planePlaces(11, { height: 2, width: 3, start: 2 });
  expect(rows.map((row, i) => [row, columns[i]])).toEqual([
    [0, 0],
    [1, 1],
    ...[2, 3].flatMap((row) => [2, 3, 4].map((column) => [row, column])),
    // 2 + max(2, 3), and so on.
    [5, 5],
    [6, 6],
    [7, 7],
  ]);
});

it.each([
  { height: 1, width: 5, start: 0 },
  { height: 4, width: 2, start: 3 },
  { height: 3, width: 3, start: 7 },
])("gives every position a place of its own: %o", (grid) => {
  const { rows, columns } = planePlaces(24, grid);
  expect(new Set(rows.map((row, i) => `${row} ${columns[i]}`)).size).toBe(24);
});

it("leaves out the codes beyond the context", () => {
  expect(planePlaces(4, { height: 2, width: 2, start: 1 }).columns).toEqual([0, 1, 2, 1]);
});

describe("learned vectors beside rotary positions", () => {
  const grid = { height: 2, width: 3, start: 0 };
  const options: TransformerOptions = {
    ...{ vocabularySize: 8, contextLength: 6, width: 16, heads: 2, layers: 2, causal: false },
    ...{ positions: "rotary-2d", grid },
  };
  const create = (changes: Partial<TransformerOptions> = {}) =>
    TinyTransformer.create({ ...options, ...changes }, { random: Random.fromSeed(1) });
  /** Logits of six masked ids, by position. */
  const maskedLogits = async (model: TinyTransformer) => {
    const logits = await model.logits({ data: new Int32Array(6).fill(7), count: 1, length: 6 });
    return Array.from({ length: 6 }, (_, i) => [...logits.subarray(8 * i, 8 * (i + 1))]);
  };
  const spread = (rows: number[][]) =>
    Math.max(...rows.flatMap((row) => row.map((v, i) => Math.abs(v - rows[0]![i]!))));

  it("tell a bidirectional model where a masked id stands, which rotations alone do not", async () => {
    await tf.setBackend("cpu");
    using model = create();
    using blind = create({ learnedPositions: false });
    expect(spread(await maskedLogits(model))).toBeGreaterThan(1e-3);
    // Rounding of sums of equal values in another order.
    expect(spread(await maskedLogits(blind))).toBeLessThan(1e-6);
  });

  it("are absent in files that say nothing of them", async () => {
    await tf.setBackend("cpu");
    using blind = create({ learnedPositions: false });
    const { metadata, tensors } = readSafetensors(await blind.toSafetensors());
    const { learnedPositions, ...config } = JSON.parse(metadata.config!);
    expect(learnedPositions).toBe(false);
    const old = writeSafetensors({ tensors, metadata: { ...metadata, config: JSON.stringify(config) } });
    using loaded = TinyTransformer.fromSafetensors(old);
    expect(loaded.config).toEqual(blind.config);
    expect(await maskedLogits(loaded)).toEqual(await maskedLogits(blind));
  });
});
