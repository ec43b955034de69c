import { ConfigError, VocabularyError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { MultimodalTokenizer } from "../tokenizer/multimodal-tokenizer.js";
import { digits, smallTokenizers } from "../tokenizer/tokenizers.fixture.js";
import type { TrainingBatch } from "./training-batch.js";

const tokenizer = smallTokenizers["switch, varying length"]!;
const pairs = (count: number) => ({
  codes: { data: Int32Array.from({ length: 4 * count }, (_, i) => i % 5), count, height: 2, width: 2 },
  captions: new Array<string>(count).fill("b"),
});

describe("withoutCondition", () => {
  it("replaces the first modality by null tokens and keeps all other ids", () => {
    const tokens = tokenizer.encode({ ...pairs(2), order: ["text-first", "image-first"] });
    const before = tokens.data.slice();
    const without = tokenizer.withoutCondition(tokens);
    expect(tokenizer.describe(without)).toEqual([
      "<bos> <eoi> <null> <null> <null> <null> <eot> 0 1 2 3",
      "<bos> <eot> <null> <null> <null> <null> <eoi> b <end> <pad> <pad>",
    ]);
    expect(tokens.data).toEqual(before);
    expect(tokenizer.withoutCondition(without)).toEqual(without);
  });

  it("works on prompts", () => {
    expect(tokenizer.describe(tokenizer.withoutCondition(tokenizer.promptForImages(["a"])))).toEqual([
      "<bos> <eoi> <null> <null> <null> <null> <eot>",
    ]);
    expect(tokenizer.describe(tokenizer.withoutCondition(tokenizer.promptForPairs(1)))).toEqual(["<bos>"]);
    const half = { data: Int32Array.of(4, 4), count: 1, length: 2 };
    expect(
      tokenizer.describe(
        tokenizer.withoutCondition(
          tokenizer.promptForCompletion({ order: "text-first", captions: ["a b"], codes: half }),
        ),
      ),
    ).toEqual(["<bos> <eoi> <null> <null> <null> <null> <eot> 4 4"]);
  });

  it("does not change rows without condition, for any sizes of image and text", () => {
    const uneven = MultimodalTokenizer.create({
      words: ["a"],
      captionLength: 1,
      codebookSize: 5,
      codeGrid: { height: 2, width: 2 },
      nullToken: true,
    });
    const tokens = uneven.encode({ ...pairs(2), captions: ["a", "a"], order: "halves" });
    const without = uneven.withoutCondition(tokens);
    expect(uneven.describe(without)).toEqual([
      "<bos> <eoi> <null> <eot> 0 1 2 3",
      "<bos> <eot> <null> <null> <null> <null> <eoi> a",
    ]);
    expect(uneven.withoutCondition(without)).toEqual(without);
  });

  it("requires a null token", () => {
    const plain = digits();
    expect(() => plain.withoutCondition(plain.promptForPairs(1))).toThrow(VocabularyError);
  });
});

describe("dropConditions", () => {
  const tokens = tokenizer.encode({ ...pairs(2000), order: "halves" });
  const dropped = (coin: { seed: number; epoch: number; indices?: number[]; probability: number }, from = tokens) =>
    tokenizer.describe(tokenizer.dropConditions(from, coin)).map((row) => row.includes("<null>"));

  it("drops a share of the conditions, by example and epoch", () => {
    const coin = { seed: 3, epoch: 1, probability: 0.2 };
    const rows = dropped(coin);
    // Four deviations: 4 · √(2000 · 0.2 · 0.8) = 72.
    expect(Math.abs(rows.filter(Boolean).length - 400)).toBeLessThan(72);
    const two = { data: tokens.data.subarray(0, 22), count: 2, length: 11 };
    const at = rows.indexOf(true);
    expect(dropped({ ...coin, indices: [at, at + 1] }, two)).toEqual([true, rows[at + 1]]);
    expect(dropped({ ...coin, epoch: 2 })).not.toEqual(rows);
    expect(dropped({ ...coin, probability: 0 })).not.toContain(true);
    expect(dropped({ ...coin, probability: 1 })).not.toContain(false);
  });

  it("gives null tokens weight 0 in the loss", () => {
    const { targets, weights } = tokenizer.toTrainingBatch(
      tokenizer.dropConditions(tokenizer.encode(pairs(1)), { seed: 1, epoch: 0, probability: 1 }),
    );
    const nothing = tokenizer.specialId("<null>");
    expect([...weights!]).toEqual(Array.from(targets.data, (id) => (id === nothing ? 0 : 1)));
    expect([...weights!].filter((weight) => weight === 0)).toHaveLength(4);
  });

  it("keeps the weights after a dropped condition", () => {
    const whole = tokenizer.encode(pairs(1));
    const without = tokenizer.dropConditions(whole, { seed: 1, epoch: 0, probability: 1 });
    const ofImage = ({ targets, weights }: TrainingBatch) =>
      [...weights!].filter((_, at) => tokenizer.modality(targets.data[at]!) === "image");
    for (const rows of [whole, without]) {
      expect(ofImage(tokenizer.toTrainingBatch(rows, { prompt: 0 }))).toEqual([1, 1, 1, 1]);
    }
  });

  it("refuses invalid probabilities and indices", () => {
    expect(() => dropped({ seed: 1, epoch: 0, probability: 1.1 })).toThrow(ConfigError);
    expect(() => dropped({ seed: 1, epoch: 0, probability: 0.5, indices: [1] })).toThrow(ConfigError);
  });
});
