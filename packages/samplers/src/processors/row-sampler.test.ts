import { ConfigError, gumbelNoise, ShapeError } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idProbabilities, type RowSamplingOptions, sampleId } from "./sample-id.js";

const kept = (logits: readonly number[], options: RowSamplingOptions) =>
  [...idProbabilities(Float32Array.from(logits), options)].flatMap((p, id) => (p > 0 ? [id] : []));

const logs = (probabilities: readonly number[]) => probabilities.map(Math.log);

/** Float32 values with repeats, so that ties happen. */
const anyLogits = fc.array(
  fc.integer({ min: -24, max: 24 }).map((n) => n / 4),
  { minLength: 1, maxLength: 40 },
);

describe("each processor", () => {
  it("top-k keeps every logit at least as large as the k-th largest", () => {
    expect(kept([1, 3, 2, 3, 2], { topK: 1 })).toEqual([1, 3]);
    expect(kept([1, 3, 2, 3, 2], { topK: 3 })).toEqual([1, 2, 3, 4]);
    expect(kept([1, 3], { topK: 9 })).toEqual([0, 1]);
  });

  it("top-p keeps the smallest set that reaches p, and the lower ids among equals", () => {
    expect(kept(logs([0.1, 0.5, 0.3, 0.1]), { topP: 0.75 })).toEqual([1, 2]);
    expect(kept(logs([0.1, 0.5, 0.3, 0.1]), { topP: 0.85 })).toEqual([0, 1, 2]);
    expect(kept(logs([0.25, 0.25, 0.25, 0.25]), { topP: 0.4 })).toEqual([0, 1]);
    expect(kept(logs([0.1, 0.9]), { topP: 1e-9 })).toEqual([1]);
  });

  it("min-p keeps ids above a share of the maximum probability", () => {
    expect(kept(logs([0.1, 0.5, 0.3, 0.1]), { minP: 0.5 })).toEqual([1, 2]);
    expect(kept(logs([0.1, 0.5, 0.3, 0.1]), { minP: 1 })).toEqual([1]);
  });

  it("typical keeps the ids whose surprisal is nearest to the entropy, not the most likely ones", () => {
    // Entropy 1.5048 nats; surprisals 1.204, 1.609, 1.609, 1.609, 2.303: nearest are 0.2 (0.105 off), then 0.3 (0.30 off).
    const logits = logs([0.3, 0.2, 0.2, 0.2, 0.1]);
    expect(kept(logits, { typicalP: 0.55 })).toEqual([1, 2, 3]);
    expect(kept(logits, { typicalP: 0.3 })).toEqual([1, 2]);
    expect(kept(logits, { typicalP: 0.7 })).toEqual([0, 1, 2, 3]);
  });

  it("the repetition penalty divides positive and multiplies negative logits of seen ids", () => {
    const penalized = idProbabilities(Float32Array.of(2, -1, 2, -1), { repetitionPenalty: 2, seen: [0, 1] });
    const expected = [1, -2, 2, -1].map(Math.exp);
    const total = expected.reduce((sum, value) => sum + value);
    penalized.forEach((p, id) => {
      expect(p).toBeCloseTo(expected[id]! / total, 12);
    });
  });

  it("temperature 0 takes the lowest id with the maximum logit, for any seed", () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(sampleId(Float32Array.of(1, 5, 5, 2), { temperature: 0, seed, position: 3 })).toBe(1);
    }
  });
});

it("applies the processors in the documented order, in cases where the order matters", () => {
  const logits = [4, 3.9, 0, 0];
  // Penalized first, id 0 falls to 2 and top-k 1 keeps id 1; truncated first, id 0 would be left.
  expect(kept(logits, { repetitionPenalty: 2, seen: [0], topK: 1 })).toEqual([1]);
  // Of 0.5, 0.3, 0.1, 0.1 top-p 0.6 needs two; after top-k 2 they are 0.625 and 0.375 and one suffices.
  expect(kept(logs([0.5, 0.3, 0.1, 0.1]), { topP: 0.6 })).toEqual([0, 1]);
  expect(kept(logs([0.5, 0.3, 0.1, 0.1]), { topK: 2, topP: 0.6 })).toEqual([0]);
  // At temperature 4 the distribution is flat, and top-p needs more ids than it would before.
  expect(kept(logs([0.7, 0.1, 0.1, 0.1]), { topP: 0.7 })).toEqual([0]);
  expect(kept(logs([0.7, 0.1, 0.1, 0.1]), { temperature: 4, topP: 0.7 })).toEqual([0, 1, 2]);
  // Typical sees only what top-k has left: two equals, of which the first suffices.
  expect(kept([2, 2, 0, 0, 0, 0, 0, 0], { topK: 2, typicalP: 0.5 })).toEqual([0]);
  // The grammar comes first: the largest logit is illegal and sets no threshold.
  expect(kept([9, 1, 0.9, -5], { legal: [1, 2, 3], minP: 0.5 })).toEqual([1, 2]);
});

it("gives the same ids as sorting, for any logits", () => {
  fc.assert(
    fc.property(anyLogits, fc.double({ min: 0.01, max: 0.99 }), fc.integer({ min: 1, max: 45 }), (logits, p, k) => {
      const weights = logits.map(Math.exp);
      const total = weights.reduce((sum, weight) => sum + weight);
      const ranked = logits.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b);
      let mass = 0;
      const nucleus = ranked.filter((id) => {
        const keeps = mass < p * total;
        mass += weights[id]!;
        // A sum within rounding of p may fall on either side.
        fc.pre(Math.abs(mass / total - p) > 1e-9);
        return keeps;
      });
      expect(kept(logits, { topP: p })).toEqual(nucleus.sort((a, b) => a - b));
      const kth = [...logits].sort((a, b) => b - a)[Math.min(k, logits.length) - 1]!;
      expect(kept(logits, { topK: k })).toEqual(logits.flatMap((logit, id) => (logit >= kth ? [id] : [])));
    }),
    { numRuns: 1000 },
  );
});

it("draws the argmax of logits plus gumbelNoise of core", () => {
  fc.assert(
    fc.property(
      anyLogits,
      fc.nat(),
      fc.nat({ max: 1000 }),
      fc.double({ min: 0.05, max: 50, noNaN: true }),
      (logits, seed, position, temperature) => {
        const noise = gumbelNoise(seed, position, logits.length);
        const sums = logits.map((logit, id) => Math.fround(Math.fround(logit / Math.fround(temperature)) + noise[id]!));
        expect(sampleId(Float32Array.from(logits), { seed, position, temperature })).toBe(
          sums.indexOf(Math.max(...sums)),
        );
      },
    ),
    { numRuns: 3000 },
  );
});

describe("NaN and infinite logits", () => {
  it.each([
    ["all equal", [7, 7, 7, 7]],
    ["all NaN", [Number.NaN, Number.NaN, Number.NaN, Number.NaN]],
    ["all −Infinity", [-Infinity, -Infinity, -Infinity, -Infinity]],
    ["all +Infinity", [Infinity, Infinity, Infinity, Infinity]],
    ["all near the float32 maximum", [3.4e38, 3.4e38, 3.4e38, 3.4e38]],
  ])("%s: every legal id is equally likely", (_, logits) => {
    const probabilities = idProbabilities(Float32Array.from(logits), { legal: [0, 2, 3], temperature: 0.5 });
    expect([...probabilities]).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
    expect(kept(logits, { legal: [0, 2, 3], temperature: 0 })).toEqual([0]);
  });

  it("takes the only possible id, and gives infinite logits equal probabilities", () => {
    expect(kept([-Infinity, -50, Number.NaN], {})).toEqual([1]);
    expect([...idProbabilities(Float32Array.of(Infinity, 80, Infinity, Number.NaN))]).toEqual([0.5, 0, 0.5, 0]);
    expect(kept([Number.NaN, 3, Infinity], { temperature: 0 })).toEqual([2]);
    expect(kept([1e38, 2e38], { temperature: 0.1 })).toEqual([1]);
  });

  it("gives a distribution over the legal ids for any logits and options", () => {
    const wild = fc.array(
      fc.oneof(fc.float(), fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, 3.4e38, -3.4e38, 1e-45)),
      { minLength: 1, maxLength: 30 },
    );
    const share = fc.double({ min: 1e-12, max: 1, noNaN: true });
    const options = fc.record(
      {
        repetitionPenalty: fc.double({ min: 0.1, max: 10, noNaN: true }),
        temperature: fc.oneof(fc.constant(0), fc.double({ min: 1e-40, max: 1e30, noNaN: true })),
        topK: fc.integer({ min: 1, max: 40 }),
        topP: share,
        minP: share,
        typicalP: share,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(wild, options, fc.infiniteStream(fc.boolean()), fc.nat(), (logits, chosen, coins, seed) => {
        const legal = logits.flatMap((_, id) => (coins.next().value ? [id] : []));
        fc.pre(legal.length > 0);
        const all = { ...chosen, legal, seen: legal.slice(0, 2) };
        const probabilities = idProbabilities(Float32Array.from(logits), all);
        expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 9);
        expect(probabilities.every((p, id) => p === 0 || legal.includes(id))).toBe(true);
        const id = sampleId(Float32Array.from(logits), { ...all, seed, position: 1 });
        expect(legal).toContain(id);
      }),
      { numRuns: 5000 },
    );
  });
});

it("names the option that is out of range", () => {
  const logits = Float32Array.of(1, 2);
  for (const [options, name] of [
    [{ temperature: -1 }, "temperature"],
    [{ temperature: Number.NaN }, "temperature"],
    [{ topK: 0 }, "topK"],
    [{ topK: 1.5 }, "topK"],
    [{ topP: 0 }, "topP"],
    [{ topP: 1.01 }, "topP"],
    [{ minP: -0.1 }, "minP"],
    [{ typicalP: Number.NaN }, "typicalP"],
    [{ repetitionPenalty: 0 }, "repetitionPenalty"],
  ] as const) {
    const call = () => idProbabilities(logits, options);
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(name);
  }
  expect(() => idProbabilities(logits, { legal: [] })).toThrow(ShapeError);
  expect(() => idProbabilities(logits, { legal: [1, 0] })).toThrow(ShapeError);
  expect(() => idProbabilities(logits, { seen: [2] })).toThrow(ShapeError);
});
