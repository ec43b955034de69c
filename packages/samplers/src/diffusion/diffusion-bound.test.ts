import { ConfigError, DataError, Random, type TokenBatch } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { agreeing, jointModel } from "../denoising/joint-model.fixture.js";
import { diffusionBound, type KernelOptions } from "../index.js";
import { resolveKernel, type SteppedKernel } from "./kernels.js";
import { cumulativeShares } from "./transitions.js";

const [codes, length] = [3, 3];
const size = codes + 1;
const shape = { codes, length, weight: agreeing };
const legal = { from: new Int32Array(length), to: new Int32Array(length).fill(codes) };
const random = Random.fromSeed(4);
const sequences = Array.from({ length: codes ** length }, (_, i) => i);
const everySequence = (model: ReturnType<typeof jointModel>): TokenBatch => ({
  data: Int32Array.from(sequences.flatMap((i) => model.sequence(i))),
  count: sequences.length,
  length,
});

/** A model that is wrong, but the same for equal rows, so that bound and likelihood differ. */
function wrongModel() {
  const model = jointModel(shape);
  return {
    ...model,
    async logits({ data, count }: TokenBatch) {
      return Float32Array.from({ length: count * length * size }, (_, i) => {
        const row = data.subarray(Math.floor(i / (length * size)) * length).subarray(0, length);
        return Math.sin(row.reduce((sum, id) => 3 * sum + id, 1) + 7 * (i % (length * size)));
      });
    },
  };
}

/** log p of the legal ids at each position. */
async function logProbabilities(model: { logits(ids: TokenBatch): Promise<Float32Array> }, noised: readonly number[]) {
  const logits = await model.logits({ data: Int32Array.from(noised), count: 1, length });
  return noised.map((_, position) => {
    const row = [...logits.subarray(position * size, position * size + codes)];
    const total = Math.log(row.map(Math.exp).reduce((a, b) => a + b));
    return row.map((value) => value - total);
  });
}

describe("the bound of masked diffusion", () => {
  const maskId = codes;
  const subsets = Array.from({ length: 2 ** length - 1 }, (_, i) => i + 1);

  it("is the exact negative log-likelihood for exact conditionals: every order of revealing is exact", async () => {
    const model = jointModel(shape);
    const ids = everySequence(model);
    const nats = await diffusionBound({
      model,
      ids,
      legal,
      maskId,
      kernel: { type: "absorbing" },
      random,
      draws: 1000,
    });
    // 1000 draws of a spread of about 0.5 nats: a standard error below 0.02.
    nats.forEach((value, i) => {
      expect(Math.abs(value + Math.log(model.joint[i]!))).toBeLessThan(0.08);
    });
  });

  it("equals the mean of Σ −log p / t over times and masks, by quadrature and enumeration", async () => {
    const model = wrongModel();
    for (const index of [0, 5, 22]) {
      const original = model.sequence(index);
      // ∫ t^(m − 1) (1 − t)^(n − m) dt by the midpoint rule: each set of m masked codes has this weight.
      const points = Array.from({ length: 2000 }, (_, i) => (i + 0.5) / 2000);
      let expected = 0;
      for (const subset of subsets) {
        const isMasked = original.map((_, position) => ((subset >> position) & 1) === 1);
        const m = isMasked.filter(Boolean).length;
        const weight = points.reduce((sum, t) => sum + (t ** m * (1 - t) ** (length - m)) / t, 0) / points.length;
        const noised = original.map((id, position) => (isMasked[position] ? maskId : id));
        const log = await logProbabilities(model, noised);
        original.forEach((id, position) => {
          expected -= isMasked[position] ? weight * log[position]![id]! : 0;
        });
      }
      const ids = { data: Int32Array.from(original), count: 1, length };
      const kernel = { type: "absorbing" } as const;
      const [nats] = await diffusionBound({ model, ids, legal, maskId, kernel, random, draws: 5000 });
      expect(Math.abs(nats! - expected)).toBeLessThan(0.03);
    }
  });

  it("is above the negative log-likelihood that the model has when it reveals one code after the other", async () => {
    const model = wrongModel();
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    for (const index of [3, 13]) {
      const original = model.sequence(index);
      let likelihood = 0;
      for (const order of orders) {
        const noised = original.map(() => maskId);
        let log = 0;
        for (const position of order) {
          log += (await logProbabilities(model, noised))[position]![original[position]!]!;
          noised[position] = original[position]!;
        }
        likelihood += Math.exp(log) / orders.length;
      }
      const ids = { data: Int32Array.from(original), count: 1, length };
      const kernel = { type: "maskgit" } as const;
      const [nats] = await diffusionBound({ model, ids, legal, maskId, kernel, random, draws: 1000 });
      expect(nats).toBeGreaterThan(-Math.log(likelihood) - 0.02);
    }
  });
});

describe("the bound of diffusion in steps", () => {
  const kernels: [string, KernelOptions, number | undefined][] = [
    ["uniform", { type: "uniform", steps: 4 }, undefined],
    ["mask-and-replace", { type: "mask-and-replace", steps: 4, untouched: [0.8, 0.1], masked: [0.1, 0.7] }, codes],
  ];

  it.each(kernels)("equals the sum of all divergences by enumeration, and is above: %s", async (_, options, maskId) => {
    const kernel = resolveKernel(options) as SteppedKernel;
    const { untouched, masked } = cumulativeShares(kernel);
    const states = maskId === undefined ? codes : codes + 1;
    /** q(j at time t | k at time s) for any s < t. */
    const channel = (s: number, t: number, j: number, k: number) => {
      const stay = untouched[t]! / untouched[s]!;
      const mask = 1 - (1 - masked[t]!) / (1 - masked[s]!);
      if (k === codes || j === codes) {
        return k === codes ? (j === codes ? 1 : 0) : mask;
      }
      return (j === k ? stay : 0) + (1 - stay - mask) / codes;
    };
    const model = wrongModel();
    const original = model.sequence(7);
    const start = (j: number) => (j === codes ? masked[4]! : (1 - masked[4]!) / codes);
    const log = new Map<string, number[][]>();
    const all = Array.from({ length: states ** length }, (_, i) =>
      original.map((_, position) => Math.floor(i / states ** position) % states),
    );
    for (const noised of all) {
      log.set(noised.join(), await logProbabilities(model, noised));
    }
    /** p(j at s | state at t) at one position. */
    const backward = (noised: number[], position: number, s: number, t: number, j: number) =>
      log.get(noised.join())![position]!.reduce((sum, logP, k) => {
        const current = noised[position]!;
        return sum + (Math.exp(logP) * channel(s, t, current, j) * channel(0, s, j, k)) / channel(0, t, current, k);
      }, 0);
    const ids = Array.from({ length: states }, (_, j) => j);
    let expected = 0;
    for (const noised of all) {
      for (let t = 1; t <= 4; t++) {
        const weight = noised.reduce((p, j, position) => p * channel(0, t, j, original[position]!), 1);
        noised.forEach((current, position) => {
          const k = original[position]!;
          for (const j of ids) {
            const q = (channel(t - 1, t, current, j) * channel(0, t - 1, j, k)) / channel(0, t, current, k);
            expected +=
              q === 0 || weight === 0 ? 0 : weight * q * Math.log(q / backward(noised, position, t - 1, t, j));
          }
        });
      }
    }
    for (const k of original) {
      for (const j of ids) {
        const q = channel(0, 4, j, k);
        expected += q === 0 ? 0 : q * Math.log(q / start(j));
      }
    }
    const batch = { data: Int32Array.from(original), count: 1, length };
    const bound = { model, ids: batch, legal, maskId, kernel: options, random, draws: 4000 };
    const [nats] = await diffusionBound(bound);
    expect(Math.abs(nats! - expected)).toBeLessThan(0.05);

    // The exact likelihood: all states forward through the model's own chain.
    let shares = new Map(all.map((state) => [state.join(), state.reduce((p, j) => p * start(j), 1)]));
    for (let t = 4; t >= 1; t--) {
      const next = new Map<string, number>();
      for (const noised of all) {
        const share = shares.get(noised.join())!;
        for (const state of all) {
          const p = state.reduce(
            (p, j, position) => (p === 0 ? 0 : p * backward(noised, position, t - 1, t, j)),
            share,
          );
          next.set(state.join(), (next.get(state.join()) ?? 0) + p);
        }
      }
      shares = next;
    }
    expect(expected).toBeGreaterThan(-Math.log(shares.get(original.join())!));
  });
});

describe("diffusionBound", () => {
  const model = jointModel(shape);
  const ids = everySequence(model);
  const all = { model, ids, legal, maskId: codes, kernel: { type: "absorbing" }, random, draws: 4 } as const;

  it("gives a row the same bound in any batch, and counts codes only", async () => {
    const whole = await diffusionBound(all);
    expect(await diffusionBound({ ...all, batchSize: 5 })).toEqual(whole);
    const first = { data: ids.data.slice(0, 6), count: 2, length };
    expect(await diffusionBound({ ...all, ids: first })).toEqual(whole.slice(0, 2));
    // Of one code there is one mask: the bound is its exact negative log-likelihood, given the others.
    const [nats] = await diffusionBound({ ...all, corruptible: Uint8Array.of(0, 1, 0) });
    const log = await logProbabilities(model, [0, codes, 0]);
    expect(nats).toBeCloseTo(-log[1]![0]!, 5);
    expect([...(await diffusionBound({ ...all, corruptible: new Uint8Array(3) }))]).toEqual(new Array(27).fill(0));
  });

  it("refuses kernels without a bound, and ids that are not legal", async () => {
    await expect(diffusionBound({ ...all, kernel: { type: "chain" } })).rejects.toThrow(ConfigError);
    await expect(diffusionBound({ ...all, maskId: undefined })).rejects.toThrow("maskId: expected an id");
    const narrow = { ...legal, to: legal.to.map(() => 2) };
    await expect(diffusionBound({ ...all, legal: narrow })).rejects.toThrow(DataError);
    await expect(diffusionBound({ ...all, signal: AbortSignal.abort() })).rejects.toThrow("AbortSignal");
  });
});
