import { type CodeBatch, ConfigError, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { describe, expect, it } from "vitest";
import { drawOrders, firstPairs, mixedOrderExamples, orderedExamples } from "./training-examples.js";

const count = 2000;
const captions = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? "a cat" : "a dog"));
const tokenizer = MultimodalTokenizer.create({ captions, codebookSize: 8, codeGrid: { height: 1, width: 3 } });
const random = Random.fromSeed(1);
const codes: CodeBatch = {
  ...{ data: Int32Array.from({ length: 3 * count }, () => random.integer(8)), count, height: 1, width: 3 },
};
const pairs = { tokenizer, codes, captions, weights: { text: 2 } };
const everyIndex = Int32Array.from({ length: count }, (_, i) => i);

/** Whether each sequence puts its text first: the first after the beginning and a marker is then a word. */
const textFirst = (data: Int32Array, length: number) =>
  Array.from(everyIndex, (row) => tokenizer.modality(data[row * length + 2]!) === "text");

const context = (seed: number) => ({ epoch: 0, training: true, random: Random.fromSeed(seed) });

describe("mixedOrderExamples", () => {
  it("puts the text first in the share that is asked for, and again the same from the same seed", async () => {
    const examples = mixedOrderExamples({ ...pairs, textFirstShare: 0.3 });
    const { inputs } = await examples.batch(everyIndex, context(1));
    const first = textFirst(inputs.data, inputs.length);
    const share = first.filter(Boolean).length / count;
    // Five standard deviations of a coin thrown so often.
    expect(Math.abs(share - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / count));
    const again = await examples.batch(everyIndex, context(1));
    expect(again.inputs.data).toEqual(inputs.data);
    const other = await examples.batch(everyIndex, context(2));
    expect(textFirst(other.inputs.data, inputs.length)).not.toEqual(first);
  });

  it("keeps to orders that are given", async () => {
    const orders = Array.from(everyIndex, (i) => (i % 3 === 0 ? ("text-first" as const) : ("image-first" as const)));
    const { inputs } = await mixedOrderExamples({ ...pairs, orders }).batch(everyIndex, context(1));
    expect(textFirst(inputs.data, inputs.length)).toEqual(orders.map((order) => order === "text-first"));
  });

  it("weighs words as asked in training, and everything the same in evaluation", async () => {
    const examples = mixedOrderExamples({ ...pairs, textFirstShare: 1 });
    const { inputs, targets, weights } = await examples.batch(Int32Array.of(5), context(1));
    const modalities = [...targets.data].map((id) => tokenizer.modality(id));
    expect([...weights!]).toEqual(modalities.map((modality) => (modality === "text" ? 2 : 1)));
    expect(modalities.filter((modality) => modality === "text")).toHaveLength(2);
    const plain = await orderedExamples(tokenizer, pairs, "text-first").batch(Int32Array.of(5), context(1));
    expect(plain.inputs).toEqual(inputs);
    expect(new Set(plain.weights ?? [1])).toEqual(new Set([1]));
  });

  it("leaves out conditions in the share that is asked for", async () => {
    const guided = MultimodalTokenizer.create({
      captions,
      codebookSize: 8,
      codeGrid: { height: codes.height, width: codes.width },
      nullToken: true,
    });
    const examples = mixedOrderExamples({ tokenizer: guided, codes, captions, conditionDropout: 0.2 });
    const { inputs } = await examples.batch(everyIndex, context(1));
    const nothing = guided.specialId("<null>");
    const dropped = everyIndex.filter((row) => inputs.data[row * inputs.length + 2] === nothing).length;
    expect(Math.abs(dropped / count - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / count));
  });

  it("leaves out the padding that ends every line", async () => {
    const lines = MultimodalTokenizer.create({
      ...{ layout: "lines", words: ["0", "7"], captionLength: 1, codebookSize: 26, codeGrid: { height: 1, width: 8 } },
    });
    const line = {
      codes: { data: Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7]), count: 1, height: 1, width: 8 },
      captions: ["7"],
    };
    const examples = mixedOrderExamples({ tokenizer: lines, ...line, weights: { text: 5 } });
    const { inputs, targets, weights } = await examples.batch(Int32Array.of(0), context(1));
    expect([inputs.length, targets.length, weights!.length]).toEqual([24, 24, 24]);
    expect([...weights!].filter((weight) => weight === 5)).toHaveLength(1);
    const [written] = lines.describe(inputs);
    expect(["number:7, image:ABCDEFGH", "image:ABCDEFGH, number:7"]).toContain(written);
  });

  it.each<[object, RegExp]>([
    [{ textFirstShare: 1.5 }, /textFirstShare: expected a number of at least 0 and at most 1/],
    [{ orders: ["text-first"] }, /orders: expected one a pair \(2000\), got 1/],
    [{ order: [] }, /order: .*"orders"/],
  ])("refuses %j", (change, message) => {
    expect(() => mixedOrderExamples({ ...pairs, ...change })).toThrow(ConfigError);
    expect(() => mixedOrderExamples({ ...pairs, ...change })).toThrow(message);
  });
});

describe("drawOrders", () => {
  it("tosses a fair coin for each pair, the same from the same seed", () => {
    const orders = drawOrders(1000, 3);
    const first = orders.filter((order) => order === "text-first").length;
    // 500 ± 5 standard deviations of 16.
    expect(Math.abs(first - 500)).toBeLessThan(80);
    expect(drawOrders(1000, 3)).toEqual(orders);
    expect(drawOrders(1000, 4)).not.toEqual(orders);
  });
});

describe("firstPairs", () => {
  it("gives the first, or all where there are fewer", () => {
    const first = firstPairs(pairs, 3);
    expect([first.captions.length, first.codes.count, first.codes.data.length]).toEqual([3, 3, 9]);
    expect(firstPairs(pairs, 5000).codes.count).toBe(count);
  });
});
