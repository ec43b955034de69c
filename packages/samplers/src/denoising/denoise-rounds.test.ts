import { describe, it } from "vitest";
import { denoise } from "../index.js";
import { expectFrequencies } from "../processors/frequencies.fixture.js";
import {
  everyState,
  expectStates,
  keepOne,
  normalized,
  redraw,
  type Shares,
  type State,
  sharesOf,
  unmask,
} from "./exact-rounds.fixture.js";
import { agreeing, jointModel } from "./joint-model.fixture.js";
import { blank } from "./noisy-model.fixture.js";

/** The ends of a row agree more often as well: given the middle one, they depend on each other. */
const shape = {
  codes: 3,
  length: 3,
  weight: (ids: number[]) => agreeing(ids) * (ids[0] === ids[2] ? 4 : 1),
};
const rows = 4000;
const absorbing = { type: "absorbing" } as const;
const masked = [3, 3, 3];
/** Rows of which one code is known, and the state that they start in. */
const around = (at: number, id: number) => ({
  ids: { ...blank(rows, 3), data: blank(rows, 3).data.fill(id) },
  known: Uint8Array.from(masked, (_, position) => +(position === at)),
  start: masked.map((mask, position) => (position === at ? id : mask)),
});

/** The k likeliest ids, in proportion to p^(1 / temperature). */
const shaped =
  (shares: Shares, temperature: number, topK: number): Shares =>
  (state) =>
    shares(state).map((ids) => {
      const least = [...ids].sort((a, b) => b - a)[topK - 1]!;
      return normalized(ids.map((p) => (p >= least ? p ** (1 / temperature) : 0)));
    });

/** log p without + scale · (log p − log p without), up to a constant. */
const guided =
  (shares: Shares, without: (state: State) => State, scale: number): Shares =>
  (state) => {
    const others = shares(without(state));
    return shares(state).map((ids, position) =>
      normalized(ids.map((p, id) => (p > 0 ? others[position]![id]! ** (1 - scale) * p ** scale : 0))),
    );
  };

describe("states after each round match exact probabilities", () => {
  const confidences = [
    ["one code a round", { rounds: 3, noise: 0.9 }, { temperature: 1, topK: 3 }],
    ["two codes in the last round", { rounds: 2, noise: 0.8 }, { temperature: 1, topK: 3 }],
    ["with temperature and top-k", { rounds: 3, noise: 0.6 }, { temperature: 0.8, topK: 2 }],
  ] as const;
  it.each(confidences)("confidence, %s", async (_, { rounds, noise }, sampling) => {
    const model = jointModel(shape);
    const shares = shaped(await sharesOf(model), sampling.temperature, sampling.topK);
    const keeping = Array.from({ length: rounds - 1 }, (_, i) => keepOne(shares, noise * (1 - (i + 1) / rounds)));
    const sampler = { type: "confidence", rounds, noise } as const;
    const all = { model, ids: blank(rows, 3), kernel: absorbing, maskId: 3, sampler, ...sampling, seed: 1 };
    await expectStates(all, [[masked, 1]], [...keeping, unmask(shares, 0)]);
  });

  it("chain, from uniform codes on", async () => {
    const model = jointModel(shape, () => (noised, original) => (noised === original ? 0.6 : 0.2));
    const shares = shaped(await sharesOf(model), 0.6, 3);
    const uniform = everyState(model, { masks: false }).map((state) => [state, 1 / 27] as const);
    const sampler = { type: "chain", rounds: 2 } as const;
    const all = { model, ids: blank(rows, 3), kernel: { type: "chain" } as const, maskId: 3, sampler };
    await expectStates({ ...all, temperature: 0.6, seed: 2 }, uniform, [redraw(shares), redraw(shares)]);
  });

  describe.each([
    ["middle", 1],
    ["last", 2],
  ])("around a known code, the %s one", (_, at) => {
    const { start, ...given } = around(at, 1);

    it("ancestral", async () => {
      const model = jointModel(shape);
      const shares = await sharesOf(model);
      const sampler = { type: "ancestral", rounds: 2 } as const;
      const all = { model, ...given, kernel: absorbing, maskId: 3, sampler, seed: 3 };
      await expectStates(all, [[start, 1]], [unmask(shares, 1 / 2), unmask(shares, 0)]);
    });

    it("remasking", async () => {
      const model = jointModel(shape);
      const shares = await sharesOf(model);
      const sampler = { type: "remasking", rounds: 3, eta: 0.8 } as const;
      const all = { model, ...given, kernel: absorbing, maskId: 3, sampler, seed: 4 };
      // From time 2/3 to 1/3 a mask stays with probability (1/3 − 0.8 · 1/3) / (2/3).
      const again = start.map((id) => (id === 3 ? 0.8 : 0));
      await expectStates(all, [[start, 1]], [unmask(shares, 2 / 3), unmask(shares, 0.1, again), unmask(shares, 0)]);
    });

    it("halton, whose sequences are those of the model", async () => {
      const model = jointModel(shape);
      const sampler = { type: "halton", rounds: 2 } as const;
      const { data } = await denoise({ model, ...given, kernel: absorbing, maskId: 3, sampler, seed: 5 });
      const conditional = normalized(Array.from(model.joint, (p, i) => (model.sequence(i)[at] === 1 ? p : 0)));
      const counts = conditional.map(() => 0);
      for (let i = 0; i < data.length; i += 3) {
        counts[model.indexOf(data.subarray(i, i + 3))]!++;
      }
      expectFrequencies(counts, conditional, 8);
    });
  });

  it("ancestral under guidance, by a scale that changes, of the code that a row begins with", async () => {
    const model = jointModel(shape);
    const shares = await sharesOf(model);
    const { start, ...given } = around(0, 0);
    const guidance = { ids: around(0, 2).ids, scale: { from: 1.5, to: 2.5 } };
    const sampler = { type: "ancestral", rounds: 2 } as const;
    const all = { model, ...given, kernel: absorbing, maskId: 3, sampler, guidance, seed: 6 };
    const sharesBy = (scale: number) => guided(shares, ([, ...codes]) => [2, ...codes], scale);
    await expectStates(all, [[start, 1]], [unmask(sharesBy(1.5), 1 / 2), unmask(sharesBy(2.5), 0)]);
  });

  it("confidence under guidance by context", async () => {
    const model = jointModel(shape);
    const shares = guided(await sharesOf(model), () => masked, 1.4);
    const sampler = { type: "confidence", rounds: 2, noise: 0.8, contextGuidance: 1.4 } as const;
    const all = { model, ids: blank(rows, 3), kernel: absorbing, maskId: 3, sampler, seed: 7 };
    await expectStates(all, [[masked, 1]], [keepOne(shares, 0.4), unmask(shares, 0)]);
  });
});
