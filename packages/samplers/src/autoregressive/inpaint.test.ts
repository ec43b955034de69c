import { AbortedError, ConfigError, type Grammar, GrammarError, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { rowSeeds } from "../processors/row-seeds.js";
import { idProbabilities, sampleId } from "../processors/sample-id.js";
import { generate } from "./generate.js";
import { inpaint } from "./inpaint.js";
import type { InpaintOptions } from "./inpaint-options.js";
import { anyIds, fakeModel, historyLogits, mixed, positionGrammar, rowsOf, vocabularySize } from "./models.fixture.js";

const logits = historyLogits(vocabularySize);
const model = fakeModel(vocabularySize, logits);
/** A start, seven codes of which the first four are among five, an end. */
const choices = [[0], ...Array.from({ length: 7 }, (_, i) => (i < 4 ? [1, 2, 3, 4, 5] : anyIds)), [8]];
const grammar = positionGrammar(vocabularySize, choices);
const length = choices.length;

/** −1 where the id is unknown. */
function masked(...rows: number[][]): Pick<InpaintOptions, "ids" | "known"> {
  const ids = rowsOf(...rows);
  return { ids, known: Uint8Array.from(ids.data, (id) => (id < 0 ? 0 : 1)) };
}

/** One candidate, straight from the definition. */
function drawNaively(
  row: readonly number[],
  seed: number,
  options: { scale?: number | undefined; without?: number } = {},
) {
  const { scale, without } = options;
  const ids: number[] = [];
  let logLikelihood = 0;
  for (const [position, id] of row.entries()) {
    const legal = choices[position]!;
    const own = Float32Array.from(position === 0 ? [] : logits(ids));
    const drawn =
      scale === undefined || position === 0
        ? own
        : Float32Array.from(mixed(own, logits([without!, ...ids.slice(1)]), scale));
    if (id >= 0 && row.slice(0, position).includes(-1) && legal.length > 1) {
      logLikelihood += Math.log(idProbabilities(own, { legal })[id]!);
    }
    ids.push(id >= 0 ? id : sampleId(drawn, { legal, seed, position, temperature: 0.8 }));
  }
  return { ids, logLikelihood };
}

const rows = [
  [0, -1, -1, -1, -1, 2, 7, 3, 8],
  [0, 1, -1, 4, -1, 5, -1, -1, 8],
  [0, 4, 3, -1, -1, -1, -1, -1, -1],
];

describe("inpaint", () => {
  it.each([undefined, 2.5])(
    "keeps of each row's candidates the one that makes the known ids likeliest, guidance %s",
    async (scale) => {
      const seeds = rowSeeds(12, rows.length);
      const guidance =
        scale === undefined ? undefined : { ids: rowsOf(...rows.map((row) => [7, ...row.slice(1)])), scale };
      const result = await inpaint({
        model,
        ...masked(...rows),
        grammar,
        seeds,
        candidates: 6,
        temperature: 0.8,
        guidance,
      });
      for (const [i, row] of rows.entries()) {
        const all = [seeds[i]!, ...rowSeeds(seeds[i]!, 5)].map((seed) => drawNaively(row, seed, { scale, without: 7 }));
        const best = all.reduce((a, b) => (b.logLikelihood > a.logLikelihood ? b : a));
        expect([...result.data.subarray(i * length, (i + 1) * length)]).toEqual(best.ids);
        expect(result.logLikelihoods[i]).toBeCloseTo(best.logLikelihood, 10);
        expect(new Set(all.map(({ ids }) => `${ids}`)).size).toBeGreaterThan(1);
      }
      expect(model.calls.open).toBe(0);
    },
  );

  it("gives a row the same ids in any batch, under a changing guidance too", async () => {
    const guidance = (batch: number[][]) => ({
      ids: rowsOf(...batch.map((row) => [7, ...row.slice(1)])),
      scale: { from: 0, to: 4 },
    });
    const options = { model, grammar, candidates: 4 };
    const seeds = rowSeeds(5, 3);
    const together = await inpaint({ ...options, ...masked(...rows), seeds, guidance: guidance(rows) });
    for (const [i, row] of rows.entries()) {
      const alone = await inpaint({
        ...options,
        ...masked(row),
        seeds: seeds.slice(i, i + 1),
        guidance: guidance([row]),
      });
      expect(alone.data).toEqual(together.data.slice(i * length, (i + 1) * length));
      expect(alone.logLikelihoods[0]).toBe(together.logLikelihoods[i]);
    }
  });

  it("continues a beginning as generate does", async () => {
    const row = [0, 4, 3, -1, -1, -1, -1, -1, -1];
    const { data } = await inpaint({ model, ...masked(row), grammar, seed: 7, topK: 3 });
    expect(data).toEqual((await generate({ model, prompt: rowsOf(row.slice(0, 3)), grammar, seed: 7, topK: 3 })).data);
  });

  it("never changes a known id, and runs the model only where its logits count", async () => {
    const whole = fakeModel(vocabularySize, logits);
    const row = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    expect(await inpaint({ model: whole, ...masked(row), seed: 1 })).toMatchObject({ data: Int32Array.from(row) });
    expect(whole.calls).toEqual({ prefill: 0, step: 0, decode: 0, open: 0 });
    // The last id is forced by the grammar, the one before it is drawn.
    await inpaint({ model: whole, ...masked([0, 1, 2, 3, 4, 5, 6, -1, 8]), grammar, seed: 1 });
    expect(whole.calls).toEqual({ prefill: 1, step: 0, decode: 0, open: 0 });
  });

  it("finds better candidates among more", async () => {
    const scores: number[] = [];
    for (const candidates of [1, 8, 64]) {
      const { logLikelihoods } = await inpaint({ model, ...masked(...rows.slice(0, 2)), grammar, seed: 2, candidates });
      scores.push(logLikelihoods.reduce((sum, each) => sum + each, 0));
    }
    expect(scores[1]).toBeGreaterThan(scores[0]!);
    expect(scores[2]).toBeGreaterThan(scores[1]!);
  });

  it("draws only ids after which the known ones can still come", async () => {
    // Words (1, 2) until an end (3), then padding (4): what is unknown before a known word cannot be the end.
    const size = 5;
    const allowed = new Uint8Array(3 * size);
    const next = new Int32Array(3 * size);
    const allow = (state: number, id: number, to: number) => {
      allowed[state * size + id] = 1;
      next[state * size + id] = to;
    };
    allow(0, 0, 1);
    allow(1, 1, 1);
    allow(1, 2, 1);
    allow(1, 3, 2);
    allow(2, 4, 2);
    const sentences: Grammar = { vocabularySize: size, stateCount: 3, start: 0, allowed, next };
    const speaker = fakeModel(size, () => [0, 0, 0, 5, 0]); // ends as soon as it may
    const call = (row: number[]) =>
      inpaint({ model: speaker, ...masked(row), grammar: sentences, seed: 1, candidates: 3 });
    const { data } = await call([0, -1, -1, 2, -1, 4, -1]);
    expect([1, 2]).toContain(data[1]);
    expect([1, 2]).toContain(data[2]);
    expect([...data.subarray(3)]).toEqual([2, 3, 4, 4]);
    const error = await call([0, -1, 4, -1, 1]).catch((caught) => caught);
    expect(GrammarError.isInstance(error)).toBe(true);
    expect(error.message).toContain("row 0, position 4: the known id 1 is not legal there");
  });

  it.each<[string, Partial<InpaintOptions>, { isInstance(value: unknown): boolean }, RegExp]>([
    ["an unknown first id", masked([-1, 1, 2]), ConfigError, /known: the first id of row 0/],
    ["too few flags", { known: new Uint8Array(2) }, ShapeError, /one flag for each of 3 ids, got 2/],
    ["a known id outside the vocabulary", masked([0, 9, -1]), ShapeError, /outside \[0, 9\)/],
    ["rows past the context", masked(new Array(65).fill(0)), ShapeError, /1 to 64 ids, got 65/],
    ["no seed", { seed: undefined }, ConfigError, /seed: required/],
    ["no candidates", { candidates: 0 }, ConfigError, /candidates/],
    ["guidance of another shape", { guidance: { ids: rowsOf([0, 1]), scale: 2 } }, ShapeError, /guidance/],
    ["a misspelled option", { candidats: 2 } as object, ConfigError, /did you mean "candidates"/],
    ["an aborted signal", { signal: AbortSignal.abort() }, AbortedError, /AbortSignal/],
  ])("refuses %s", async (_, options, kind, message) => {
    const error = await inpaint({ model, ...masked([0, 1, -1]), seed: 1, ...options }).catch((caught) => caught);
    expect(error.message).toMatch(message);
    expect(kind.isInstance(error)).toBe(true);
  });

  it("gives no rows for none", async () => {
    const none = { data: new Int32Array(0), count: 0, length: 4 };
    expect(await inpaint({ model, ids: none, known: new Uint8Array(0), seed: 1 })).toMatchObject({
      count: 0,
      length: 4,
    });
  });
});
