import { AbortedError, ConfigError, DataError, ShapeError, type TokenBatch } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { evaluateSequences } from "./evaluate-sequences.js";
import { bitsPerPixel, sequenceMetrics } from "./sequence-metrics.js";

/** Ids below 10 are text, others image. */
const modalityOf = (id: number) => (id < 10 ? "text" : "image");
const targets: TokenBatch = { data: Int32Array.of(1, 20, 30, 20, 30, 2), count: 2, length: 3 };
const losses = [1, 2, 3, 4, 5, 6];

describe("sequenceMetrics", () => {
  it("adds up in total, by order, modality and position", () => {
    const metrics = sequenceMetrics({ losses, targets, modalityOf, orders: ["text-first", "image-first"] });
    expect(metrics).toEqual({
      natsPerId: 3.5,
      natsPerSequence: 10.5,
      samples: 2,
      byOrder: {
        "text-first": { natsPerId: 2, natsPerSequence: 6 },
        "image-first": { natsPerId: 5, natsPerSequence: 15 },
      },
      byModality: { text: { natsPerId: 3.5, natsPerSequence: 3.5 }, image: { natsPerId: 3.5, natsPerSequence: 7 } },
      byPosition: Float64Array.of(2.5, 3.5, 4.5),
    });
  });

  it("leaves out what has no weight", () => {
    const metrics = sequenceMetrics({ losses, targets, weights: [1, 1, 0, 1, 0, 0], modalityOf });
    expect(metrics.natsPerId).toBeCloseTo(7 / 3, 12);
    expect(metrics.natsPerSequence).toBe(3.5);
    expect(metrics.byModality).toEqual({
      text: { natsPerId: 1, natsPerSequence: 0.5 },
      image: { natsPerId: 3, natsPerSequence: 3 },
    });
    expect([...metrics.byPosition]).toEqual([2.5, 2, Number.NaN]);
    expect(metrics.byOrder).toEqual({});
  });

  it("gives bits per pixel", () => {
    // 49 codes of 7 bits each on 28 × 28 pixels.
    expect(bitsPerPixel(49 * 7 * Math.LN2, 784)).toBeCloseTo(0.4375, 12);
  });

  it("gives nats an image and bits per dimension of sequences of image codes alone", () => {
    // 4 codes of 10 bits each, all as likely, and an end that costs nothing, of images of 8 × 8 × 3.
    const codes: TokenBatch = { data: Int32Array.of(11, 12, 13, 14, 1, 15, 16, 17, 18, 1), count: 2, length: 5 };
    const nats = Array.from(codes.data, (id) => (id >= 10 ? 10 * Math.LN2 : 0));
    const { byModality, natsPerSequence } = sequenceMetrics({ losses: nats, targets: codes, modalityOf });
    expect(byModality.image!.natsPerId).toBeCloseTo(10 * Math.LN2, 12);
    expect(byModality.image!.natsPerSequence).toBeCloseTo(40 * Math.LN2, 12);
    expect(natsPerSequence).toBe(byModality.image!.natsPerSequence);
    expect(bitsPerPixel(natsPerSequence, 8 * 8 * 3)).toBeCloseTo(40 / 192, 12);
  });

  it("refuses arrays that do not fit", () => {
    expect(() => sequenceMetrics({ losses: [1], targets })).toThrow(/expected 6 losses, got 1/);
    expect(() => sequenceMetrics({ losses, targets, orders: ["a"] })).toThrow(ShapeError);
    expect(() => sequenceMetrics({ losses, targets, weights: new Array(6).fill(0) })).toThrow(/none/);
    expect(() => sequenceMetrics({ losses, targets, wieghts: [] } as never)).toThrow(/did you mean "weights"\?/);
  });
});

describe("evaluateSequences", () => {
  const sequences = { inputs: targets, targets };
  /** The loss of a target is its id. */
  const model = {
    lossPerPosition: async ({ targets }: { targets: TokenBatch }) => Float32Array.from(targets.data),
  };

  it("gives the same metrics at any batch size", async () => {
    const expected = sequenceMetrics({ losses: targets.data, targets, modalityOf });
    for (const batchSize of [1, 2, 64]) {
      expect(await evaluateSequences({ model, sequences, batchSize, modalityOf })).toEqual(expected);
    }
  });

  it("stops on its signal and refuses an empty set", async () => {
    const signal = AbortSignal.abort("enough");
    await expect(evaluateSequences({ model, sequences, batchSize: 1, signal })).rejects.toThrow(AbortedError);
    const empty = { data: new Int32Array(), count: 0, length: 3 };
    const none = { inputs: empty, targets: empty };
    await expect(evaluateSequences({ model, sequences: none, batchSize: 1 })).rejects.toThrow(DataError);
    await expect(evaluateSequences({ model, sequences, batchSize: 0 })).rejects.toThrow(ConfigError);
    await expect(evaluateSequences({ model, sequences, batchsize: 1 } as never)).rejects.toThrow(/"batchSize"/);
  });
});
