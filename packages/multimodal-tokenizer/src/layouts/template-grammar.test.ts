import { ConfigError, type Grammar } from "@mmgen/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";
import { anyPairs, digits, smallTokenizers, twoOrderTokenizers } from "../tokenizer/tokenizers.fixture.js";
import type { Order } from "./orders.js";

/** The state after `ids`, or the position of the first illegal one. */
function walk(grammar: Grammar, ids: ArrayLike<number>): { state: number } | { illegalAt: number } {
  let state = grammar.start;
  for (let i = 0; i < ids.length; i++) {
    const entry = state * grammar.vocabularySize + ids[i]!;
    if (grammar.allowed[entry] !== 1) {
      return { illegalAt: i };
    }
    state = grammar.next[entry]!;
  }
  return { state };
}

const legalIds = (grammar: Grammar, state: number) =>
  Array.from({ length: grammar.vocabularySize }, (_, id) => id).filter(
    (id) => grammar.allowed[state * grammar.vocabularySize + id] === 1,
  );

describe.each(Object.entries(smallTokenizers))("grammar, %s", (_, tokenizer) => {
  const grammar = tokenizer.grammar();

  it("accepts every encoded pair, and no id after it", () => {
    fc.assert(
      fc.property(anyPairs(tokenizer), (pairs) => {
        const { data, count, length } = tokenizer.encode(pairs);
        for (let row = 0; row < count; row++) {
          const end = walk(grammar, data.subarray(row * length, (row + 1) * length));
          expect(end).toHaveProperty("state");
          expect(legalIds(grammar, (end as { state: number }).state)).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("accepts only sequences that decode", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (choices) => {
        let state = grammar.start;
        const ids: number[] = [];
        for (let i = 0; legalIds(grammar, state).length > 0; i++) {
          const legal = legalIds(grammar, state);
          ids.push(legal[choices[i]! % legal.length]!);
          state = grammar.next[state * grammar.vocabularySize + ids.at(-1)!]!;
        }
        expect(ids.length).toBe(tokenizer.sequenceLength);
        const tokens = { data: Int32Array.from(ids), count: 1, length: ids.length };
        const { order, ...pairs } = tokenizer.decode(tokens);
        expect(tokenizer.encode({ ...pairs, order: order })).toEqual(tokens);
      }),
      { numRuns: 300 },
    );
  });
});

describe.each(Object.entries(twoOrderTokenizers))("grammar of one order, %s", (_, tokenizer) => {
  it("refuses sequences of the other", () => {
    const { captionLength, codeGrid, textUnit, words } = tokenizer.config;
    const codes = { data: new Int32Array(codeGrid.height * codeGrid.width), count: 1, ...codeGrid };
    const caption = new Array(captionLength.maximum).fill(words[0]).join(textUnit === "words" ? " " : "");
    const pairs = { codes, captions: [caption] };
    for (const order of ["text-first", "image-first"] satisfies Order[]) {
      const other = order === "text-first" ? "image-first" : "text-first";
      expect(walk(tokenizer.grammar(order), tokenizer.encode({ ...pairs, order }).data)).toHaveProperty("state");
      expect(walk(tokenizer.grammar(order), tokenizer.encode({ ...pairs, order: other }).data)).toHaveProperty(
        "illegalAt",
      );
    }
  });
});

it("follows colored-mnist: a marker first, then exactly as many ids as the layout has", () => {
  const tokenizer = digits();
  const grammar = tokenizer.grammar();
  const [bos, eoi, eot] = ["<bos>", "<eoi>", "<eot>"].map((name) => tokenizer.specialId(name));
  expect(legalIds(grammar, grammar.start)).toEqual([bos]);
  const afterBos = walk(grammar, [bos!]) as { state: number };
  expect(legalIds(grammar, afterBos.state)).toEqual([eoi, eot].sort());
  const text = tokenizer.ids.text;
  const afterText = walk(grammar, [bos!, eoi!, ...new Array(6).fill(text.start)]) as { state: number };
  expect(legalIds(grammar, afterText.state)).toEqual([eot]);
  const afterImage = walk(grammar, [bos!, eot!, ...new Array(49).fill(tokenizer.ids.image.start)]) as { state: number };
  expect(legalIds(grammar, afterImage.state)).toEqual([eoi]);
  // Before BOS, after BOS, and after each of the 57 ids that follow in either order.
  expect(grammar.stateCount).toBe(2 + 57 + 57);
});

it("refuses a table that would be too large", () => {
  const tokenizer = MultimodalTokenizer.create({
    words: ["a"],
    captionLength: 1,
    codebookSize: 2 ** 20,
    codeGrid: { height: 64, width: 64 },
  });
  expect(() => tokenizer.grammar()).toThrow(ConfigError);
});
