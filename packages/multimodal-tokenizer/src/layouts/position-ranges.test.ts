import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import type { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";
import { smallTokenizers } from "../tokenizer/tokenizers.fixture.js";
import type { Order } from "./orders.js";

const orders: readonly Order[] = ["text-first", "image-first"];

/** Ids that the grammar of an order allows at each position, after any legal beginning. */
function legalIds(tokenizer: MultimodalTokenizer, order: Order): Set<number>[] {
  const { allowed, next, start, vocabularySize } = tokenizer.grammar(order);
  let states = new Set([start]);
  return Array.from({ length: tokenizer.sequenceLength }, () => {
    const legal = new Set<number>();
    const after = new Set<number>();
    for (const state of states) {
      for (let id = 0; id < vocabularySize; id++) {
        if (allowed[state * vocabularySize + id] === 1) {
          legal.add(id);
          after.add(next[state * vocabularySize + id]!);
        }
      }
    }
    states = after;
    return legal;
  });
}

const varying = ["switch, varying length", "terminated, varying length", "switch, characters"];

describe.each(Object.entries(smallTokenizers))("ranges of %s", (name, tokenizer) => {
  it.each(orders)("are what its grammar allows, %s", (order) => {
    if (varying.includes(name)) {
      expect(() => tokenizer.positionRanges(order)).toThrow(ConfigError);
      expect(() => tokenizer.positionRanges(order)).toThrow(/maskToken: true/);
      return;
    }
    const { from, to, modalities } = tokenizer.positionRanges(order);
    expect(modalities).toEqual(tokenizer.modalities(order));
    legalIds(tokenizer, order).forEach((legal, at) => {
      const range = Array.from({ length: to[at]! - from[at]! }, (_, i) => from[at]! + i);
      expect(range, `position ${at}`).toEqual([...legal].sort((a, b) => a - b));
    });
  });
});
