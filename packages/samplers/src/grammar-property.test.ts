import type { Grammar } from "@mmgen/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { generate } from "./generate.js";
import { fakeModel, isLegal } from "./test-models.js";

const vocabularySize = 7;

/** Any automaton in which every state allows something; rows wander through it at different places. */
const anyGrammar: fc.Arbitrary<Grammar> = fc.integer({ min: 1, max: 5 }).chain((stateCount) => {
  const entries = stateCount * vocabularySize;
  return fc.record({
    vocabularySize: fc.constant(vocabularySize),
    stateCount: fc.constant(stateCount),
    start: fc.nat({ max: stateCount - 1 }),
    next: fc
      .array(fc.nat({ max: stateCount - 1 }), { minLength: entries, maxLength: entries })
      .map((states) => Int32Array.from(states)),
    allowed: fc
      .tuple(
        fc.array(fc.constantFrom(0, 0, 1), { minLength: entries, maxLength: entries }),
        fc.array(fc.nat({ max: vocabularySize - 1 }), { minLength: stateCount, maxLength: stateCount }),
      )
      .map(([flags, always]) => {
        const allowed = Uint8Array.from(flags);
        always.forEach((id, state) => {
          allowed[state * vocabularySize + id] = 1;
        });
        return allowed;
      }),
  });
});

const wildValue = fc.oneof(
  { weight: 2, arbitrary: fc.float() },
  { weight: 3, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, 3.4e38, -3.4e38) },
);

const anyOptions = fc.record(
  {
    temperature: fc.constantFrom(0, 1e-40, 0.01, 1, 100),
    topK: fc.integer({ min: 1, max: 8 }),
    topP: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    typicalP: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    repetitionPenalty: fc.constantFrom(0.1, 1, 3),
    scale: fc.constantFrom(-1, 0, 7, 1e30),
  },
  { requiredKeys: [] },
);

it("never leaves the grammar, whatever the logits, and ends with every decode freed", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyGrammar,
      fc.array(wildValue, { minLength: 3 * vocabularySize, maxLength: 3 * vocabularySize }),
      anyOptions,
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      async (grammar, values, { scale, ...options }, rows, seed) => {
        // The first legal id is every row's prompt; logits follow from the last id and the length.
        const first = grammar.allowed.indexOf(1, grammar.start * vocabularySize) % vocabularySize;
        const prompt = { data: new Int32Array(rows).fill(first), count: rows, length: 1 };
        const model = fakeModel(vocabularySize, (ids) => {
          const from = ((ids.at(-1)! + ids.length) % 3) * vocabularySize;
          return values.slice(from, from + vocabularySize);
        });
        const guidance = scale === undefined ? undefined : { prompt, scale };
        const result = await generate({ model, prompt, grammar, steps: 6, seed, guidance, ...options });
        expect(result.length).toBe(7);
        expect(isLegal(grammar, result)).toBe(true);
        expect(model.calls.open).toBe(0);
      },
    ),
    { numRuns: 5000 },
  );
});
