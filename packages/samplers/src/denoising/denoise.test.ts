import type { TokenBatch } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { type DenoisedRound, type DenoiseOptions, denoise, rowSeeds } from "../index.js";
import { blank, noisyModel, planOf } from "./noisy-model.fixture.js";

const absorbing = { type: "absorbing" } as const;
const [length, vocabularySize, maskId] = [8, 9, 8];
// Position 2 has other ids, position 5 a single one.
const legal = {
  from: Int32Array.from({ length }, (_, i) => (i === 2 ? 5 : i === 5 ? 4 : 0)),
  to: Int32Array.from({ length }, (_, i) => (i === 2 ? 7 : 5)),
};
const count = 6;
const ids = { data: Int32Array.from({ length: count * length }, (_, i) => (i * 5) % 8), count, length };
const known = Uint8Array.from(ids.data, (_, i) => (i % length === 0 || (i >= 3 * length && i % 3 === 0) ? 1 : 0));
/** The mask and id 7, which is legal nowhere, are the likeliest everywhere. */
const model = noisyModel(length, vocabularySize, [7, maskId]);
type Case = Pick<DenoiseOptions, "kernel"> & Partial<DenoiseOptions>;
const everyCase: [string, Case][] = [
  ["absorbing, ancestral", { kernel: absorbing, sampler: { type: "ancestral", rounds: 5 } }],
  ["absorbing, confidence", { kernel: absorbing, sampler: { type: "confidence", rounds: 4 } }],
  [
    "absorbing, halton",
    { kernel: absorbing, sampler: { type: "halton", rounds: 3, grid: { height: 2, width: 3, start: 1 } } },
  ],
  ["maskgit, halton without a grid", { kernel: { type: "maskgit" }, sampler: { type: "halton" } }],
  ["absorbing, remasking", { kernel: absorbing, sampler: { type: "remasking", rounds: 9, eta: 1 } }],
  [
    "maskgit, confidence at temperature 0",
    { kernel: { type: "maskgit" }, sampler: { type: "confidence" }, temperature: 0 },
  ],
  ["chain", { kernel: { type: "chain" }, sampler: { type: "chain", rounds: 4 } }],
  ["uniform, chain", { kernel: { type: "uniform" }, sampler: { type: "chain", rounds: 4 } }],
  ["uniform, ancestral", { kernel: { type: "uniform", steps: 10 }, sampler: { type: "ancestral", rounds: 6 } }],
  [
    "mask-and-replace",
    {
      kernel: { type: "mask-and-replace", steps: 8, untouched: [0.9, 0.1], masked: [0.05, 0.6] },
      sampler: { type: "ancestral", rounds: 8 },
    },
  ],
];

describe.each(everyCase)("%s", (_, options) => {
  const seeds = rowSeeds(3, count);
  const all = { model, ids, known, legal, maskId, ...options, seeds };

  it("never changes a known id in any round, and ends with legal ids only, never the mask", async () => {
    const states: DenoisedRound[] = [];
    const { data } = await denoise({ ...all, onRound: (state) => void states.push(state) });
    expect(states.map(({ round }) => round)).toEqual(states.map((_, i) => i));
    for (const { ids: state, masked, known: flags } of states) {
      known.forEach((flag, i) => {
        if (flag === 1) {
          expect([state[i], masked[i], flags[i]]).toEqual([ids.data[i], 0, 1]);
        } else {
          const isLegal = state[i]! >= legal.from[i % length]! && state[i]! < legal.to[i % length]!;
          expect(isLegal || (state[i] === maskId && masked[i] === 1)).toBe(true);
        }
      });
    }
    expect(states.at(-1)!.ids).toEqual(data);
    expect(data.includes(maskId)).toBe(false);
  });

  it("gives a row the same ids in any batch, and other seeds other ids", async () => {
    const together = await denoise(all);
    for (const row of [0, 4]) {
      const part = <T extends Uint8Array | Int32Array>(array: T) => array.slice(row * length, (row + 1) * length) as T;
      const alone = await denoise({
        ...all,
        ids: { data: part(ids.data), count: 1, length },
        known: part(known),
        seeds: seeds.slice(row, row + 1),
      });
      expect(alone.data).toEqual(part(together.data));
    }
    if (options.temperature !== 0) {
      expect(await denoise({ ...all, seeds: rowSeeds(4, count) })).not.toEqual(together);
    }
  });
});

/** The model, and what it was asked. */
function spied() {
  const asked: TokenBatch[] = [];
  const logits = async (batch: TokenBatch) => {
    asked.push(batch);
    return model.logits(batch);
  };
  return { asked, spy: { ...model, logits } };
}

describe("denoise", () => {
  const all = { model, ids, known, legal, maskId, kernel: absorbing, seed: 1 } as const;

  it("asks the model for nothing where nothing is to be found", async () => {
    const { asked, spy } = spied();
    const everything = new Uint8Array(length).fill(1);
    expect(await denoise({ ...all, model: spy, known: everything })).toEqual(ids);
    expect(asked).toEqual([]);
    // A confidence sampler with more rounds than codes asks once for each code.
    await denoise({ ...all, model: spy, sampler: { type: "confidence", rounds: 50 } });
    expect(asked.length).toBe(6);
  });

  it("guides by one batch of both conditions, with the scale of the round, and reads the state where nothing is known", async () => {
    const { asked, spy } = spied();
    const other = { ...ids, data: ids.data.map((id) => (id + 1) % 8) };
    const sampler = { type: "chain", rounds: 3 } as const;
    const scale = { from: 2, to: 4 };
    const chain = { type: "chain" } as const;
    const guided = { ...all, kernel: chain, sampler, guidance: { ids: other, scale } };
    await denoise({ ...guided, model: spy });
    for (const { data, count: asRows } of asked) {
      expect(asRows).toBe(2 * count);
      known.forEach((flag, i) => {
        const isForced = i % length === 5 && flag === 0;
        expect(data[count * length + i]).toBe(flag === 1 ? other.data[i] : isForced ? other.data[i] : data[i]);
      });
    }
    expect([...(await planOf(guided)).guidance!.scales]).toEqual([2, 3, 4]);
    const neutral = { ...guided, guidance: { ids: other, scale: 1 } };
    expect((await planOf(neutral)).guidance).toBeUndefined();
    expect(await denoise(neutral)).toEqual(await denoise({ ...all, kernel: chain, sampler }));
  });

  it("guides by context with one pass more, of one row that is masked wherever there is a choice", async () => {
    const { asked, spy } = spied();
    const sampler = { type: "remasking", rounds: 3 } as const;
    const guided = { ...all, sampler: { ...sampler, contextGuidance: { from: 1, to: 3 } } };
    const own = await denoise({ ...guided, model: spy });
    const [first, ...others] = asked;
    expect(first!.count).toBe(1);
    expect([...first!.data]).toEqual(
      Array.from({ length }, (_, i) => (legal.to[i]! - legal.from[i]! === 1 ? legal.from[i]! : maskId)),
    );
    expect(others.every((batch) => batch.count === count)).toBe(true);
    expect(own).not.toEqual(await denoise({ ...all, sampler }));
    known.forEach((flag, i) => {
      expect(flag === 0 || own.data[i] === ids.data[i]).toBe(true);
    });
    const plan = await planOf(guided);
    expect([...plan.blank!.scales]).toEqual([1, 2, 3]);
    expect(plan.blank!.logits).toEqual(await model.logits(first!));
    // A model may write all its logits into the same memory.
    const memory = new Float32Array(count * length * vocabularySize);
    const reusing = {
      ...model,
      logits: async (batch: TokenBatch) => {
        const logits = await model.logits(batch);
        memory.set(logits);
        return memory.subarray(0, logits.length);
      },
    };
    expect(await denoise({ ...guided, model: reusing })).toEqual(own);
    const neutral = { ...all, sampler: { ...sampler, contextGuidance: 1 } };
    expect((await planOf(neutral)).blank).toBeUndefined();
    expect(await denoise(neutral)).toEqual(await denoise({ ...all, sampler }));
  });

  it("checks what a model's own rounds give", async () => {
    const give = (data: Int32Array, rowCount = count) =>
      denoise({ ...all, model: { ...model, denoise: async () => ({ data, count: rowCount, length }) } });
    const right = (await denoise(all)).data;
    expect((await give(right)).data).toBe(right);
    const changed = (at: number, id: number) => right.map((each, i) => (i === at ? id : each));
    await expect(give(changed(0, 3))).rejects.toThrow("row 0, position 0, the id 3, which changes a known one");
    await expect(give(changed(1, maskId))).rejects.toThrow("row 0, position 1, the id 8, which is not legal there");
    await expect(give(right, 2)).rejects.toThrow("gave 2 rows of 8 ids, expected 6 of 8");
  });

  it("stops at a signal, within a run and before it", async () => {
    const controller = new AbortController();
    const rounds: number[] = [];
    const onRound = ({ round }: DenoisedRound) => {
      rounds.push(round);
      if (round === 2) {
        controller.abort();
      }
    };
    await expect(denoise({ ...all, onRound, signal: controller.signal })).rejects.toThrow("AbortSignal");
    expect(rounds).toEqual([0, 1, 2]);
    await expect(denoise({ ...all, signal: AbortSignal.abort() })).rejects.toThrow("AbortSignal");
  });

  it.each<[string, object, RegExp]>([
    ["a sampler of another kernel", { sampler: { type: "chain" } }, /sampler: expected "ancestral" or "confidence" or/],
    [
      "more rounds than steps",
      { kernel: { type: "uniform", steps: 5 }, sampler: { rounds: 6 } },
      /at most the kernel's 5 steps/,
    ],
    [
      "guidance by context of a kernel without masks",
      { kernel: { type: "uniform" }, sampler: { contextGuidance: 2 } },
      /sampler: contextGuidance compares with a row of masks, which a model of kernel "uniform" has never seen/,
    ],
    [
      "guidance by context that is no scale",
      { sampler: { contextGuidance: "2" } },
      /sampler.contextGuidance: expected/,
    ],
    [
      "a grid that is longer than the rows",
      { sampler: { type: "halton", grid: { height: 2, width: 4, start: 1 } } },
      /sampler.grid: expected one that ends within 8 positions, got 2 × 4 from 1 on/,
    ],
    ["no mask", { maskId: undefined }, /maskId: expected an id of the vocabulary \[0, 9\)/],
    ["a mask among the codes", { maskId: 3 }, /holds maskId 3/],
    ["no seed", { seed: undefined }, /seed: required/],
    ["seeds of other rows", { seed: undefined, seeds: new Uint32Array(2) }, /expected one per row \(6\)/],
    ["flags of another length", { known: new Uint8Array(3) }, /a flag for each of 8 positions/],
    ["an empty range", { legal: { ...legal, to: legal.from } }, /position 1 a range of at least one id/],
    ["guidance of other rows", { guidance: { ids: blank(2, 8), scale: 2 } }, /guidance.ids: expected the shape of ids/],
    ["a misspelled sampler", { sampler: { type: "confidance" } }, /did you mean "confidence"/],
    ["an unknown option", { temprature: 1 }, /did you mean "temperature"/],
  ])("refuses %s", async (_, options, message) => {
    await expect(denoise({ ...all, ...options } as DenoiseOptions)).rejects.toThrow(message);
  });
});
