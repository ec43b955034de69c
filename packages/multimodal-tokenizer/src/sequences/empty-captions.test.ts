import { describe, expect, it } from "vitest";
import type { Order } from "../layouts/orders.js";
import { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";
import type { LossWeights } from "./training-batch.js";

const codes = { data: Int32Array.of(0, 1, 2, 3, 4), count: 1, height: 1, width: 5 };
const orders: Order[] = ["text-first", "image-first"];

/** Five codes and three places of text: halves that cannot be mistaken for each other. */
const create = (layout: "switch" | "terminated") =>
  MultimodalTokenizer.create({
    layout,
    words: ["a", "b"],
    captionLength: { minimum: 0, maximum: 2 },
    codebookSize: 5,
    codeGrid: { height: 1, width: 5 },
    nullToken: true,
  });

describe.each(["switch", "terminated"] as const)("an empty caption, %s", (layout) => {
  const tokenizer = create(layout);
  const row = (order: Order, caption = "") => tokenizer.encode({ codes, captions: [caption], order });

  it("can be dropped as a condition, as can the image before it", () => {
    const half = { "text-first": "<null> <null> <null>", "image-first": "<null> <null> <null> <null> <null>" };
    const whole = { "text-first": "<end> <pad> <pad>", "image-first": "0 1 2 3 4" };
    for (const order of orders) {
      const [before] = tokenizer.describe(row(order));
      const without = tokenizer.withoutCondition(row(order));
      expect(tokenizer.describe(without)).toEqual([before!.replace(whole[order], half[order])]);
      expect(tokenizer.withoutCondition(without)).toEqual(without);
      expect(tokenizer.dropConditions(row(order), { seed: 1, epoch: 0, probability: 1 })).toEqual(without);
    }
  });

  it("is dropped from prompts as from whole sequences", () => {
    const prompt = tokenizer.promptForImages([""]);
    const whole = tokenizer.withoutCondition(row("text-first"));
    const without = tokenizer.withoutCondition(prompt);
    expect(without.data).toEqual(whole.data.subarray(0, prompt.length));
  });

  it("applies the prompt weight only to the first modality", () => {
    const weigh = (order: Order, caption: string, weights: LossWeights) => {
      const tokens = row(order, caption);
      const { weights: got } = tokenizer.toTrainingBatch(tokens, weights);
      return tokenizer
        .describe(tokens)[0]!
        .split(" ")
        .slice(1)
        .map((name, i) => `${name}:${got![i]}`)
        .join(" ");
    };
    const weights = { prompt: 0.5, special: 2, image: 4, text: 6 };
    for (const [order, caption, expected] of {
      switch: [
        ["text-first", "", "<eoi>:2 <end>:1 <pad>:0 <pad>:0 <eot>:2 0:4 1:4 2:4 3:4 4:4"],
        ["text-first", "b", "<eoi>:2 b:3 <end>:1 <pad>:0 <eot>:2 0:4 1:4 2:4 3:4 4:4"],
        ["image-first", "", "<eot>:2 0:2 1:2 2:2 3:2 4:2 <eoi>:2 <end>:2 <pad>:0 <pad>:0"],
      ] as const,
      terminated: [
        ["text-first", "", "<end>:1 <pad>:0 <pad>:0 <eot>:2 0:4 1:4 2:4 3:4 4:4 <eoi>:2"],
        ["text-first", "b", "b:3 <end>:1 <pad>:0 <eot>:2 0:4 1:4 2:4 3:4 4:4 <eoi>:2"],
        ["image-first", "", "0:2 1:2 2:2 3:2 4:2 <eoi>:2 <end>:2 <pad>:0 <pad>:0 <eot>:2"],
      ] as const,
    }[layout]) {
      expect(weigh(order, caption, weights)).toBe(expected);
    }
  });

  it("keeps the weights of the second modality when the condition is dropped", () => {
    for (const order of orders) {
      const whole = tokenizer.toTrainingBatch(row(order, "a b"), { prompt: 0 }).weights!;
      const dropped = tokenizer.toTrainingBatch(tokenizer.withoutCondition(row(order, "a b")), { prompt: 0 }).weights!;
      expect(dropped).toEqual(whole);
    }
  });
});

it("a row that is not the beginning of a sequence has no prompt weight and no condition", () => {
  const tokenizer = create("switch");
  const foreign = { data: Int32Array.from([...row().data].reverse()), count: 1, length: tokenizer.sequenceLength };
  expect(tokenizer.withoutCondition(foreign)).toEqual(foreign);
  expect(tokenizer.toTrainingBatch(foreign, { prompt: 0 }).weights).toBeUndefined();
  function row() {
    return tokenizer.encode({ codes, captions: ["a b"] });
  }
});
