import { gumbelNoise, type TokenBatch } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { type DenoisedRound, type DenoiseOptions, type DiffusionSamplerOptions, denoise } from "../index.js";
import { blank, noisyModel, planOf } from "./noisy-model.fixture.js";

const absorbing = { type: "absorbing" } as const;

describe("confidence", () => {
  const long = noisyModel(16, 40);
  const all = { model: long, ids: blank(3, 16), kernel: absorbing, maskId: 39 };
  const run = async (options: Partial<DenoiseOptions>) => {
    const states: DenoisedRound[] = [];
    await denoise({ ...all, seed: 1, ...options, onRound: (state) => void states.push(state) });
    return states;
  };
  const counts = (states: DenoisedRound[], row: number) =>
    states.map(({ masked }) => masked.subarray(row * 16, (row + 1) * 16).reduce((a, b) => a + b));

  it("leaves floor(n · cos(πr/2)) codes masked, by each row's own n", async () => {
    const flags = Uint8Array.from({ length: 48 }, (_, i) => (i >= 16 && i < 24 ? 1 : 0));
    const states = await run({ known: flags, sampler: { type: "confidence", rounds: 8 } });
    const cosine = (n: number) =>
      Array.from({ length: 9 }, (_, r) => (r === 8 ? 0 : Math.floor(n * Math.cos(((Math.PI / 2) * r) / 8))));
    expect(counts(states, 0)).toEqual(cosine(16));
    expect(counts(states, 1)).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0].map((n, r) => Math.min(n, cosine(8)[r]!)));
  });

  it("reveals at least one more code a round, and ends early rather than never", async () => {
    const states = await run({ sampler: { type: "confidence", rounds: 40 } });
    for (let round = 1; round <= 16; round++) {
      expect(counts(states, 0)[round]).toBe(16 - round);
    }
    expect(counts(states, 0).slice(17)).toEqual(new Array(24).fill(0));
  });

  it("keeps a drawn id: later rounds never change it", async () => {
    const states = await run({ sampler: { type: "confidence", rounds: 8 } });
    states.slice(1).forEach((state, i) => {
      states[i]!.ids.forEach((id, at) => {
        expect(id === 39 || id === state.ids[at]).toBe(true);
      });
    });
  });

  it("ranks by log p(drawn) of the very distribution it draws from, plus τ(1 − r) · Gumbel", async () => {
    const [round] = (
      await run({ sampler: { type: "confidence", rounds: 4, noise: 2 }, temperature: 0.7, topK: 3 })
    ).slice(1, 2);
    const plan = await planOf({
      ...all,
      seed: 1,
      sampler: { type: "confidence", rounds: 4, noise: 2 },
      temperature: 0.7,
      topK: 3,
    });
    const logits = await long.logits(plan.ids);
    const confidence = Array.from({ length: 16 }, (_, position) => {
      const row = [...logits.subarray(position * 40, position * 40 + 39)].map((value) =>
        Math.fround(value / Math.fround(0.7)),
      );
      const third = [...row].sort((a, b) => b - a)[2]!;
      const kept = row.map((value) => (value >= third ? value : Number.NEGATIVE_INFINITY));
      const noise = gumbelNoise(plan.drawSeeds[0]!, position, 40);
      const sums = kept.map((value, id) => Math.fround(value + noise[id]!));
      const drawn = sums.indexOf(Math.max(...sums));
      const total = Math.log(kept.reduce((sum, value) => sum + Math.exp(value), 0));
      return { drawn, score: kept[drawn]! - total + 2 * 0.75 * gumbelNoise(plan.choiceSeeds[0]!, 0, 16)[position]! };
    });
    const best = confidence.map((_, i) => i).sort((a, b) => confidence[b]!.score - confidence[a]!.score);
    const revealed = best.slice(0, 16 - Math.floor(16 * Math.cos(Math.PI / 8)));
    round!.ids.subarray(0, 16).forEach((id, position) => {
      expect(id).toBe(revealed.includes(position) ? confidence[position]!.drawn : 39);
    });
  });

  it("at temperature 0 and without noise reveals the most likely ids first", async () => {
    const states = await run({ temperature: 0, sampler: { type: "confidence", rounds: 16, noise: 0 } });
    const logits = await long.logits({ ...blank(1, 16), data: states[0]!.ids.slice(0, 16) });
    const sure = Array.from({ length: 16 }, (_, position) => {
      const row = [...logits.subarray(position * 40, position * 40 + 39)];
      return Math.max(...row) - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    });
    const first = states[1]!.ids.subarray(0, 16).findIndex((id) => id !== 39);
    expect(first).toBe(sure.indexOf(Math.max(...sure)));
  });
});

describe("halton", () => {
  const grid = { height: 4, width: 4, start: 1 };
  const all = { model: noisyModel(18, 40), ids: blank(3, 18), kernel: absorbing, maskId: 39, seed: 1 };
  const sampler = { type: "halton", rounds: 5, grid } as const;

  it("draws a row's open codes in its order, as many a round as a cosine says, and keeps them", async () => {
    const flags = Uint8Array.from({ length: 54 }, (_, i) => (i >= 18 && i < 30 ? 1 : 0));
    const states: DenoisedRound[] = [];
    const options = { ...all, known: flags, sampler };
    await denoise({ ...options, onRound: (state) => void states.push(state) });
    const { rule } = await planOf(options);
    const drawnIn = rule.type === "ordered" ? rule.drawnIn : new Int32Array(0);
    states.slice(1).forEach(({ ids, masked }, round) => {
      masked.forEach((flag, i) => {
        expect(flag).toBe(flags[i] === 0 && drawnIn[i]! > round ? 1 : 0);
        expect(ids[i] === states.at(-1)!.ids[i] || flag === 1).toBe(true);
      });
    });
    const left = (row: number) =>
      states.map(({ masked }) => masked.subarray(row * 18, (row + 1) * 18).reduce((a, b) => a + b));
    const cosine = (n: number) =>
      [0, 1, 2, 3, 4, 5].map((r) => (r === 5 ? 0 : Math.floor(n * Math.cos((Math.PI / 10) * r))));
    expect(left(0)).toEqual(cosine(18));
    expect(left(1)).toEqual([6, 5, 4, 3, 1, 0]);
    expect([...drawnIn.subarray(18, 30)]).toEqual(new Array(12).fill(-1));
    expect(drawnIn.subarray(0, 18)).not.toEqual(drawnIn.subarray(36));
  });

  it("asks once for each code where there are more rounds", async () => {
    let asked = 0;
    const logits = (ids: TokenBatch) => {
      asked++;
      return all.model.logits(ids);
    };
    await denoise({ ...all, model: { ...all.model, logits }, sampler: { ...sampler, rounds: 40 } });
    expect(asked).toBe(18);
  });
});

describe("ancestral and remasking", () => {
  const all = { model: noisyModel(64, 6), ids: blank(200, 64), kernel: absorbing, maskId: 5, seed: 2 } as const;
  /** Of ids in the first state, the shares that are masked before and after each round. */
  const flows = async (sampler: DiffusionSamplerOptions) => {
    const states: DenoisedRound[] = [];
    await denoise({ ...all, sampler, onRound: (state) => void states.push(state) });
    return states.slice(1).map(({ masked }, round) => {
      const before = states[round]!.masked;
      const share = (was: number) => {
        const places = [...before.keys()].filter((i) => before[i] === was);
        return places.filter((i) => masked[i] === 1).length / Math.max(1, places.length);
      };
      return { stays: share(1), again: share(0) };
    });
  };

  it("a masked code stays masked from t to s with probability s / t; the last round draws all", async () => {
    (await flows({ type: "ancestral", rounds: 4 })).forEach(({ stays, again }, round) => {
      // 12 800 codes: a standard error of at most 0.01.
      expect(Math.abs(stays - (4 - round - 1) / (4 - round))).toBeLessThan(0.03);
      expect(again).toBe(0);
    });
    const times = [1, Math.cos(Math.PI / 8), Math.cos(Math.PI / 4), Math.cos((3 * Math.PI) / 8), 0];
    (await flows({ type: "ancestral", rounds: 4, schedule: "cosine" })).forEach(({ stays }, round) => {
      expect(Math.abs(stays - times[round + 1]! / times[round]!)).toBeLessThan(0.03);
    });
  });

  it("remasks with σ = min(η, (1 − α_s) / α_t), and unmasks as many more", async () => {
    for (const eta of [0.04, 0.5]) {
      (await flows({ type: "remasking", rounds: 5, eta })).forEach(({ stays, again }, round) => {
        const [t, s] = [1 - round / 5, 1 - (round + 1) / 5];
        const sigma = round === 0 ? 0 : Math.min(eta, s / (1 - t));
        expect(Math.abs(again - sigma)).toBeLessThan(0.03);
        expect(Math.abs(stays - (s - sigma * (1 - t)) / t)).toBeLessThan(0.03);
      });
    }
  });
});
