import { AbortedError, type TokenBatch } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyLogits, anySampling, pickLogits } from "../processors/arbitraries.fixture.js";
import { rowSeeds } from "../processors/row-seeds.js";
import { generate } from "./generate.js";
import type { GenerateOptions } from "./generate-options.js";
import {
  anyIds,
  decodeNaively,
  fakeModel,
  historyLogits,
  mixed,
  mixedGrammar,
  positionGrammar,
  rowsOf,
  vocabularySize,
} from "./models.fixture.js";

const logits = historyLogits(vocabularySize);
const listed = ({ data, count, length }: TokenBatch) =>
  Array.from({ length: count }, (_, row) => [...data.subarray(row * length, (row + 1) * length)]);

describe("generate", () => {
  it("gives the ids of the reference implementation, with steps and with the model's own decode", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(1, 2), { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.constantFrom(0, 0.3, 1, 2.5),
        fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
        fc.option(fc.double({ min: 0.1, max: 0.95, noNaN: true }), { nil: undefined }),
        fc.constantFrom(undefined, mixedGrammar),
        async (seconds, seed, temperature, topK, topP, grammar) => {
          const prompt = rowsOf(...seconds.map((second) => [0, second]));
          const options = { prompt, steps: 6, seed, temperature, topK, topP, grammar };
          const stepped = await generate({ model: fakeModel(vocabularySize, logits), ...options });
          const model = fakeModel(vocabularySize, logits, { native: true });
          expect(await generate({ model, ...options })).toEqual(stepped);
          expect(model.calls).toEqual({ prefill: 0, step: 0, decode: 1, open: 0 });
          const seeds = rowSeeds(seed, seconds.length);
          const plan = { prompt, steps: 6, seeds, temperature };
          const rest = { ...(topK && { topK }), ...(topP && { topP }), ...(grammar && { grammar }) };
          expect(stepped).toEqual(decodeNaively({ ...plan, ...rest }, logits));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives a row the same ids in any batch, for any logits", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1 }),
        fc.array(anyLogits(vocabularySize), { minLength: 3, maxLength: 3 }),
        anySampling,
        fc.constantFrom(undefined, mixedGrammar),
        async (seed, chosen, wild, { scale, ...sampling }, grammar) => {
          const seeds = rowSeeds(seed, 8);
          const run = (rows: readonly number[]) =>
            generate({
              model: fakeModel(vocabularySize, pickLogits(wild)),
              prompt: rowsOf(...rows.map((row) => [0, 1 + (row % 2)])),
              guidance: scale === undefined ? undefined : { prompt: rowsOf(...rows.map((row) => [row])), scale },
              seeds: Uint32Array.from(rows, (row) => seeds[row]!),
              steps: 6,
              grammar,
              ...sampling,
            });
          const whole = listed(await run([0, 1, 2, 3, 4, 5, 6, 7]));
          expect(listed(await run(chosen))).toEqual(chosen.map((row) => whole[row]));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("generates up to the end of the grammar, or up to contextLength without a grammar", async () => {
    const model = fakeModel(vocabularySize, logits, { contextLength: 20 });
    expect((await generate({ model, prompt: rowsOf([0]), grammar: mixedGrammar, seed: 1 })).length).toBe(8);
    expect((await generate({ model, prompt: rowsOf([0, 3]), seed: 1 })).length).toBe(20);
    expect(await generate({ model, prompt: rowsOf([0, 3]), seed: 1, steps: 0 })).toEqual(rowsOf([0, 3]));
  });

  it("does not change the prompt and returns a new array", async () => {
    const prompt = rowsOf([0, 1]);
    const result = await generate({ model: fakeModel(vocabularySize, logits), prompt, steps: 0, seed: 1 });
    result.data.fill(7);
    expect(prompt).toEqual(rowsOf([0, 1]));
  });

  it("applies the repetition penalty to prompt ids and generated ids, row by row", async () => {
    const model = fakeModel(vocabularySize, () => anyIds.map((id) => 9 - id));
    const prompt = rowsOf([0], [3]);
    const result = await generate({ model, prompt, steps: 8, temperature: 0, repetitionPenalty: 100 });
    expect(listed(result)).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
      [3, 0, 1, 2, 4, 5, 6, 7, 8],
    ]);
  });

  it("accepts a batch of no rows", async () => {
    const model = fakeModel(vocabularySize, logits, { native: true });
    const none = { data: new Int32Array(0), count: 0, length: 2 };
    expect(await generate({ model, prompt: none, seed: 1, steps: 3 })).toEqual({ ...none, length: 5 });
    expect((await generate({ model, prompt: none, seed: 1, grammar: mixedGrammar })).count).toBe(0);
  });
});

describe("forced ids", () => {
  it("use no random draw: later draws depend on the position only", async () => {
    const free = positionGrammar(vocabularySize, [[0], anyIds]);
    const late = positionGrammar(vocabularySize, [[0], [4], anyIds]);
    const alone = fakeModel(vocabularySize, (ids) => historyLogits(vocabularySize)(ids.slice(-1)));
    const shifted = await generate({ model: alone, prompt: rowsOf([0, 4]), grammar: late, seed: 9 });
    expect(await generate({ model: alone, prompt: rowsOf([0]), grammar: late, seed: 9 })).toEqual(shifted);
    expect((await generate({ model: alone, prompt: rowsOf([0]), grammar: free, seed: 9 })).length).toBe(2);
  });

  it("need no model step of their own", async () => {
    const model = fakeModel(vocabularySize, logits);
    // Choice at 1; 2 and 3 forced; choices at 4, 5, 6; 7 forced and never fed.
    await generate({ model, prompt: rowsOf([0]), grammar: mixedGrammar, seed: 1 });
    expect(model.calls).toEqual({ prefill: 1, step: 5, decode: 0, open: 0 });
    // The two ids after this prompt are forced and become part of the prefill.
    const joined = fakeModel(vocabularySize, logits);
    await generate({ model: joined, prompt: rowsOf([0, 1], [0, 2]), grammar: mixedGrammar, seed: 1 });
    expect(joined.calls).toEqual({ prefill: 1, step: 2, decode: 0, open: 0 });
    const native = fakeModel(vocabularySize, logits, { native: true });
    await generate({ model: native, prompt: rowsOf([0, 1], [0, 2]), grammar: mixedGrammar, seed: 1 });
    expect(native.plans[0]).toMatchObject({ steps: 4, prompt: rowsOf([0, 1, 3, 4], [0, 2, 3, 4]) });
  });

  it("need no model call where all ids are forced", async () => {
    for (const native of [false, true]) {
      const model = fakeModel(vocabularySize, logits, { native });
      const grammar = positionGrammar(vocabularySize, [[0], [4], [5]]);
      expect(await generate({ model, prompt: rowsOf([0]), grammar, seed: 1 })).toEqual(rowsOf([0, 4, 5]));
      expect(model.calls).toEqual({ prefill: 0, step: 0, decode: 0, open: 0 });
    }
  });
});

describe("options that a plan cannot express use steps", () => {
  it.each<[string, Partial<GenerateOptions>]>([
    ["repetition penalty", { repetitionPenalty: 1.1 }],
    ["min-p", { minP: 0.1 }],
    ["typical", { typicalP: 0.9 }],
    ["guidance by a prompt of another length", { guidance: { prompt: rowsOf([3, 4]), scale: 2 } }],
    ["streaming", { onIds: () => {} }],
  ])("%s", async (_, options) => {
    const model = fakeModel(vocabularySize, logits, { native: true });
    await generate({ model, prompt: rowsOf([0]), steps: 3, seed: 1, ...options });
    expect(model.calls.decode).toBe(0);
    expect(model.calls.open).toBe(0);
  });

  it("options without effect still use decode", async () => {
    const model = fakeModel(vocabularySize, logits, { native: true });
    const guidance = { prompt: rowsOf([3]), scale: 1 };
    const neutral = { repetitionPenalty: 1, minP: 0, typicalP: 1, topP: 1, topK: vocabularySize, guidance };
    await generate({ model, prompt: rowsOf([0]), steps: 3, seed: 1, ...neutral });
    expect(model.plans).toHaveLength(1);
    expect(Object.keys(model.plans[0]!).sort()).toEqual(["prompt", "seeds", "steps", "temperature"]);
  });
});

describe("guidance", () => {
  it("mixes logits with and without the condition", async () => {
    const scale = 2.5;
    const guided = fakeModel(vocabularySize, (ids) => {
      return mixed(logits(ids), logits([7, ...ids.slice(2)]), scale);
    });
    const options = { prompt: rowsOf([0, 1], [0, 2]), steps: 5, seed: 4 };
    const model = fakeModel(vocabularySize, logits);
    const guidance = { prompt: rowsOf([7], [7]), scale };
    expect(await generate({ model, ...options, guidance })).toEqual(await generate({ model: guided, ...options }));
    expect(model.calls).toEqual({ prefill: 2, step: 8, decode: 0, open: 0 });
  });

  it("changes its scale from the first added id to the last, forced ones included", async () => {
    // The mixed grammar forces positions 2 and 3 of 7 added ids; scales run from 1 to 4 over positions 1 to 7.
    const scaleAt = (position: number) => 1 + (position - 1) / 2;
    const guided = fakeModel(vocabularySize, (ids) => {
      return mixed(logits(ids), logits([7, ...ids.slice(1)]), scaleAt(ids.length));
    });
    const options = { prompt: rowsOf([0], [0]), grammar: mixedGrammar, seed: 4 };
    const guidance = { prompt: rowsOf([7], [7]), scale: { from: 1, to: 4 } };
    const expected = await generate({ model: guided, ...options });
    for (const native of [false, true]) {
      const model = fakeModel(vocabularySize, logits, { native });
      expect(await generate({ model, ...options, guidance })).toEqual(expected);
      expect(model.calls.decode).toBe(native ? 1 : 0);
    }
    // Of a plan, the ids that are forced at first are part of the prompts.
    const model = fakeModel(vocabularySize, logits, { native: true });
    await generate({ model, ...options, prompt: rowsOf([0, 2]), guidance: { ...guidance, prompt: rowsOf([7, 2]) } });
    expect(model.plans[0]!.guidance).toEqual({
      prompt: rowsOf([7, 2, 3, 4]),
      scales: Float32Array.of(2.2, 2.8, 3.4, 4),
    });
  });

  it("ignores the condition at scale 0", async () => {
    const model = fakeModel(vocabularySize, logits);
    const options = { model, steps: 5, seed: 4 };
    const without = await generate({ ...options, prompt: rowsOf([7, 7]) });
    const guidance = { prompt: rowsOf([7, 7]), scale: 0 };
    const guided = await generate({ ...options, prompt: rowsOf([0, 1]), guidance });
    expect(listed(guided)[0]!.slice(2)).toEqual(listed(without)[0]!.slice(2));
  });
});

describe("streaming", () => {
  it("calls onIds with the ids of each step, in order, and awaits it", async () => {
    const model = fakeModel(vocabularySize, logits);
    const got: { ids: number[]; position: number }[] = [];
    let running = false;
    const result = await generate({
      model,
      prompt: rowsOf([0], [0]),
      grammar: mixedGrammar,
      seed: 2,
      onIds: async ({ ids, position }) => {
        expect(running).toBe(false);
        running = true;
        await Promise.resolve();
        got.push({ ids: [...ids], position });
        ids.fill(-1);
        running = false;
      },
    });
    expect(got.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(listed(result)).toEqual([0, 1].map((row) => [0, ...got.map(({ ids }) => ids[row])]));
    expect(result).toEqual(await generate({ model, prompt: rowsOf([0], [0]), grammar: mixedGrammar, seed: 2 }));
  });

  it("disposes the decoding when the callback throws", async () => {
    const model = fakeModel(vocabularySize, logits);
    const onIds = () => {
      throw new Error("enough");
    };
    await expect(generate({ model, prompt: rowsOf([0]), steps: 3, seed: 1, onIds })).rejects.toThrow("enough");
    expect(model.calls).toMatchObject({ prefill: 1, open: 0 });
  });
});

describe("abort", () => {
  it("stops before any work and between steps, and disposes the decoding", async () => {
    const model = fakeModel(vocabularySize, logits);
    const call = (signal: AbortSignal, onIds?: () => void) =>
      generate({ model, prompt: rowsOf([0]), steps: 9, seed: 1, signal, onIds });
    const early = await call(AbortSignal.abort("why")).catch((error) => error);
    expect(AbortedError.isInstance(early)).toBe(true);
    expect(early.cause).toBe("why");
    expect(model.calls.prefill).toBe(0);
    const controller = new AbortController();
    let seen = 0;
    const late = call(controller.signal, () => {
      seen++;
      if (seen === 3) {
        controller.abort();
      }
    });
    await expect(late).rejects.toSatisfy((error) => AbortedError.isInstance(error));
    expect(seen).toBe(3);
    expect(model.calls.open).toBe(0);
  });

  it("stops after the current model call, with steps and with decode", async () => {
    for (const native of [false, true]) {
      const controller = new AbortController();
      const model = fakeModel(
        vocabularySize,
        (ids) => {
          controller.abort();
          return logits(ids);
        },
        { native },
      );
      const call = generate({ model, prompt: rowsOf([0]), steps: 4, seed: 1, signal: controller.signal });
      await expect(call).rejects.toSatisfy((error) => AbortedError.isInstance(error));
      expect(model.calls.open).toBe(0);
    }
  });
});
