import type { Denoiser } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import type { SteppedKernel } from "../diffusion/kernels.js";
import { cumulativeShares } from "../diffusion/transitions.js";
import { type DiffusionSamplerOptions, denoise, resolveKernel } from "../index.js";
import { expectFrequencies } from "../processors/frequencies.fixture.js";
import { agreeing, type Channel, jointModel } from "./joint-model.fixture.js";
import { blank, noisyModel } from "./noisy-model.fixture.js";

const shape = { codes: 3, length: 2, weight: agreeing };
const rows = 2000;
const absorbing = { type: "absorbing" } as const;

/** How often each sequence was drawn. */
function countSequences(model: ReturnType<typeof jointModel>, data: Int32Array): number[] {
  const counts = new Array<number>(model.joint.length).fill(0);
  for (let i = 0; i < data.length; i += model.length) {
    counts[model.indexOf(data.subarray(i, i + model.length))]!++;
  }
  return counts;
}

describe("sampled sequences match exact probabilities", () => {
  const masking: [string, DiffusionSamplerOptions][] = [
    ["ancestral, one code a round", { type: "ancestral", rounds: 40 }],
    ["ancestral, cosine", { type: "ancestral", rounds: 40, schedule: "cosine" }],
    ["remasking", { type: "remasking", rounds: 40, eta: 0.04 }],
    ["halton", { type: "halton", rounds: 2 }],
  ];
  it.each(masking)("%s", async (_, sampler) => {
    // Where no two codes are drawn in one round, exact conditionals give exact sequences; with 40 random rounds few are.
    const model = jointModel(shape);
    const { maskId } = model;
    const { data } = await denoise({ model, ids: blank(rows), kernel: absorbing, maskId, sampler, seed: 2 });
    expectFrequencies(countSequences(model, data), model.joint, 8);
  });

  const stepped = [
    ["uniform", { type: "uniform", steps: 40 }],
    ["mask-and-replace", { type: "mask-and-replace", steps: 40, untouched: [0.98, 0.02], masked: [0.01, 0.6] }],
  ] as const;
  it.each(stepped)("%s, in all its steps", async (_, options) => {
    const kernel = resolveKernel(options) as SteppedKernel;
    const { untouched, masked } = cumulativeShares(kernel);
    const channelOf =
      (call: number): Channel =>
      (noised, original) => {
        const t = 40 - call;
        const other = (1 - untouched[t]! - masked[t]!) / 3;
        return noised === 3 ? masked[t]! : other + (noised === original ? untouched[t]! : 0);
      };
    const model = jointModel(shape, channelOf);
    const { maskId } = model;
    const sampler = { type: "ancestral", rounds: 40 } as const;
    const { data } = await denoise({ model, ids: blank(rows), kernel, maskId, sampler, seed: 3 });
    expectFrequencies(countSequences(model, data), model.joint, 8);
  });

  it("of one code under guidance, with temperature, top-k and top-p: log p_u + g (log p_c − log p_u)", async () => {
    const [withCondition, without] = [
      [0.5, 0.3, 0.15, 0.05],
      [0.1, 0.4, 0.3, 0.2],
    ];
    const model: Denoiser = {
      vocabularySize: 6,
      async logits({ data, count }) {
        // Position 0 holds the condition: 0 or 1.
        const logits = new Float32Array(count * 2 * 6).fill(9);
        for (let row = 0; row < count; row++) {
          const shares = data[2 * row] === 0 ? withCondition : without;
          logits.set(shares.map(Math.log), (2 * row + 1) * 6);
        }
        return logits;
      },
    };
    const legal = { from: Int32Array.of(0, 0), to: Int32Array.of(2, 4) };
    const guidance = { ids: { ...blank(rows), data: blank(rows).data.fill(1) }, scale: 1.5 };
    const all = { model, ids: blank(rows), known: Uint8Array.of(1, 0), legal, maskId: 5, kernel: absorbing, guidance };
    const sampler = { type: "confidence", rounds: 2 } as const;
    const { data } = await denoise({ ...all, sampler, temperature: 0.8, topK: 3, seed: 4 });
    const mixed = withCondition.map((p, i) =>
      Math.exp((Math.log(without[i]!) + 1.5 * Math.log(p / without[i]!)) / 0.8),
    );
    const kept = mixed.map((weight) => (weight >= [...mixed].sort((a, b) => b - a)[2]! ? weight : 0));
    const total = kept.reduce((a, b) => a + b);
    const counts = [0, 1, 2, 3, 4, 5].map((id) => data.filter((each, i) => i % 2 === 1 && each === id).length);
    expectFrequencies(counts, [...kept.map((weight) => weight / total), 0, 0], 2);
    expect(data.every((id, i) => i % 2 === 1 || id === 0)).toBe(true);
  });

  it("of codes under guidance by context: log p_blank + g (log p − log p_blank)", async () => {
    // Position 1 depends on position 0, which is known; a blank row has no 0 or 1 there.
    const shares = { seen: [0.6, 0.3, 0.1], blank: [0.5, 0.1, 0.4] };
    const model: Denoiser = {
      vocabularySize: 4,
      async logits({ data, count }) {
        const logits = new Float32Array(count * 2 * 4).fill(2);
        for (let row = 0; row < count; row++) {
          logits.set((data[2 * row] === 3 ? shares.blank : shares.seen).map(Math.log), (2 * row + 1) * 4);
        }
        return logits;
      },
    };
    const all = { model, ids: blank(rows), known: Uint8Array.of(1, 0), maskId: 3, kernel: absorbing };
    const sampler = { type: "ancestral", rounds: 2, contextGuidance: 1.6 } as const;
    const { data } = await denoise({ ...all, sampler, temperature: 0.9, seed: 6 });
    const weights = shares.seen.map((p, i) => (shares.blank[i]! * (p / shares.blank[i]!) ** 1.6) ** (1 / 0.9));
    const total = weights.reduce((a, b) => a + b);
    const counts = [0, 1, 2].map((id) => data.filter((each, i) => i % 2 === 1 && each === id).length);
    expectFrequencies(
      counts,
      weights.map((weight) => weight / total),
      2,
    );
  });

  it("of the chain, which draws every code anew from softmax(logits / temperature)", async () => {
    const model = noisyModel(1, 5);
    const sampler = { type: "chain", rounds: 1 } as const;
    const chain = { type: "chain" } as const;
    const { data } = await denoise({ model, ids: blank(4000, 1), kernel: chain, sampler, temperature: 0.5, seed: 1 });
    const logits = [...(await model.logits({ data: Int32Array.of(0), count: 1, length: 1 }))];
    const weights = logits.map((value) => Math.exp(value / 0.5));
    const total = weights.reduce((a, b) => a + b);
    const counts = weights.map((_, id) => data.filter((each) => each === id).length);
    expectFrequencies(
      counts,
      weights.map((weight) => weight / total),
      4,
    );
  });
});
