import type { Grammar } from "@mmgen/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { anyLogits, anySampling, pickLogits } from "../processors/arbitraries.fixture.js";
import { generate } from "./generate.js";
import { fakeModel, isLegal } from "./models.fixture.js";

const vocabularySize = 7;

/** Generates automata in which every state allows at least one id. */
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

it("generates only legal ids for any logits, and disposes every decoding", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyGrammar,
      fc.array(anyLogits(vocabularySize), { minLength: 3, maxLength: 3 }),
      anySampling,
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      async (grammar, logits, { scale, ...options }, rows, seed) => {
        // The first legal id is every row's prompt.
        const first = grammar.allowed.indexOf(1, grammar.start * vocabularySize) % vocabularySize;
        const prompt = { data: new Int32Array(rows).fill(first), count: rows, length: 1 };
        const model = fakeModel(vocabularySize, pickLogits(logits));
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
