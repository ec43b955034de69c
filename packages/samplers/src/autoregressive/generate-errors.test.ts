import { ConfigError, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { generate } from "./generate.js";
import type { GenerateOptions } from "./generate-options.js";
import {
  anyIds,
  fakeModel,
  historyLogits,
  isLegal,
  mixedGrammar,
  positionGrammar,
  rowsOf,
  vocabularySize,
} from "./models.fixture.js";

const logits = historyLogits(vocabularySize);

describe("errors, before any work", () => {
  const model = fakeModel(vocabularySize, logits, { contextLength: 10 });
  const base = { model, prompt: rowsOf([0, 1], [0, 2]), seed: 1 };
  it.each<[string, Partial<GenerateOptions>, { isInstance(value: unknown): boolean }, RegExp]>([
    ["a prompt past the context", { prompt: rowsOf(new Array(11).fill(0)) }, ShapeError, /contextLength 10/],
    ["steps past the context", { steps: 9 }, ShapeError, /2 ids and 9 steps exceed .* 10/],
    ["an empty prompt", { prompt: { data: new Int32Array(0), count: 2, length: 0 } }, ShapeError, /at least one id/],
    ["an unknown id", { prompt: rowsOf([0, 9]) }, ShapeError, /outside \[0, 9\)/],
    [
      "an illegal prompt",
      { prompt: rowsOf([0, 1], [0, 5]), grammar: mixedGrammar },
      GrammarError,
      /row 1, position 1: id 5/,
    ],
    ["steps past the grammar", { steps: 7, grammar: mixedGrammar }, GrammarError, /after 6 more ids, got 7/],
    ["negative steps", { steps: -1 }, ConfigError, /steps/],
    ["a misspelled option", { temprature: 1 } as object, ConfigError, /temprature: .*did you mean "temperature"/],
    [
      "a misspelled nested option",
      { guidance: { prompt: rowsOf([1], [1]), scael: 2 } as never },
      ConfigError,
      /did you mean "scale"/,
    ],
    [
      "a misspelled schedule",
      { guidance: { prompt: rowsOf([1], [1]), scale: { from: 1, to: 2, schedule: "cosin" as never } } },
      ConfigError,
      /guidance.scale.schedule: .*did you mean "cosine"/,
    ],
    ["a string instead of a number", { topP: "0.9" as never }, ConfigError, /topP: expected a number.*"0.9"/],
    ["no model", { model: undefined as never }, ConfigError, /model: expected a model with prefill/],
    ["a temperature past float32", { temperature: 1e39 }, ConfigError, /temperature.* float32/],
    ["no seed", { seed: undefined }, ConfigError, /seed/],
    ["both seed and seeds", { seeds: Uint32Array.of(1, 2) }, ConfigError, /seeds/],
    ["too few seeds", { seed: undefined, seeds: Uint32Array.of(1) }, ConfigError, /one per row \(2\)/],
    ["a grammar of another vocabulary", { grammar: positionGrammar(8, [[0], [1]]) }, ShapeError, /vocabulary of 8/],
    [
      "a grammar with tables of the wrong size",
      { grammar: { ...mixedGrammar, stateCount: 3 } },
      ShapeError,
      /27 entries/,
    ],
    [
      "a next state out of range",
      { grammar: { ...mixedGrammar, next: mixedGrammar.next.map((s) => s * 9) } },
      GrammarError,
      /state 9/,
    ],
    ["a start state out of range", { grammar: { ...mixedGrammar, start: -1 } }, GrammarError, /state -1/],
    [
      "guidance for another number of rows",
      { guidance: { prompt: rowsOf([1]), scale: 2 } },
      ShapeError,
      /guidance.prompt/,
    ],
    ["a guidance scale of NaN", { guidance: { prompt: rowsOf([1], [1]), scale: Number.NaN } }, ConfigError, /scale/],
  ])("%s", async (_, options, kind, message) => {
    const error = await generate({ ...base, ...options }).catch((caught) => caught);
    expect(error.message).toMatch(message);
    expect(kind.isInstance(error)).toBe(true);
    expect(model.calls).toEqual({ prefill: 0, step: 0, decode: 0, open: 0 });
  });

  it("requires no seed at temperature 0", async () => {
    const { seed, ...rest } = base;
    expect(await generate({ ...rest, steps: 3, temperature: 0 })).toEqual(
      await generate({ ...rest, seed: seed + 1, steps: 3, temperature: 0 }),
    );
  });
});

describe("models that violate their contract", () => {
  it("refuses logits of another size", async () => {
    const model = { ...fakeModel(vocabularySize, () => new Float32Array(vocabularySize)), vocabularySize: 10 };
    const call = generate({ model, prompt: rowsOf([0]), steps: 2, seed: 1 });
    await expect(call).rejects.toThrow(/9 logits, expected 10/);
    expect(model.calls.open).toBe(0);
  });

  it("refuses a decode result that violates the grammar, changes the prompt or is too short", async () => {
    const wrong = (result: TokenBatch) =>
      generate({
        model: { ...fakeModel(vocabularySize, logits), decode: async () => result },
        prompt: rowsOf([0]),
        grammar: mixedGrammar,
        seed: 1,
      });
    await expect(wrong(rowsOf([0, 1, 3, 4, 0, 0, 2, 8]))).rejects.toThrow(/row 0, position 4: id 0 is not legal/);
    await expect(wrong(rowsOf([0, 1, 3, 4, 99, 0, 2, 8]))).rejects.toThrow(/row 0, position 4: id 99 is not legal/);
    await expect(wrong(rowsOf([1, 1, 3, 4, 5, 0, 2, 8]))).rejects.toThrow(/changed row 0/);
    await expect(wrong(rowsOf([0, 1]))).rejects.toThrow(/expected 1 of 8/);
  });
});

it("requires steps where sequences may end at different lengths, and names the position where one has ended", async () => {
  // After 0, id 1 ends the sequence and id 2 repeats the state.
  const grammar = positionGrammar(vocabularySize, [[0], [1, 2], []]);
  grammar.next[vocabularySize + 2] = 1;
  const stop = fakeModel(vocabularySize, () => anyIds.map((id) => (id === 1 ? 50 : 0)));
  const options = { model: stop, prompt: rowsOf([0]), grammar, seed: 1 };
  await expect(generate(options)).rejects.toThrow(/steps: required/);
  await expect(generate({ ...options, steps: 3 })).rejects.toThrow(/Row 0, position 2: the grammar allows no id/);
  expect(stop.calls.open).toBe(0);
  expect(isLegal(grammar, await generate({ ...options, steps: 1 }))).toBe(true);
});
