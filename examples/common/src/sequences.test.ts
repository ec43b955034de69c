import { Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { expect, it } from "vitest";
import { mixedOrderExamples, sequenceExamples } from "./sequences.js";

const count = 2000;
const captions = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? "a cat" : "a dog"));
const tokenizer = MultimodalTokenizer.create({ captions, codebookSize: 8, codeGrid: { height: 1, width: 3 } });
const random = Random.fromSeed(1);
const codes = { data: Int32Array.from({ length: 3 * count }, () => random.integer(8)), count, height: 1, width: 3 };
const pairs = { tokenizer, codes, captions, weights: { text: 2 } };
const everyIndex = Int32Array.from({ length: count }, (_, i) => i);

/** Whether each sequence puts its text first: the first after the beginning and a marker is then a word. */
const textFirst = (data: Int32Array, length: number) =>
  Array.from(everyIndex, (row) => tokenizer.modality(data[row * length + 2]!) === "text");

const context = (seed: number) => ({ random: Random.fromSeed(seed) }) as never;

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

it("keeps to orders that are settled", async () => {
  const orders = Array.from(everyIndex, (i) => (i % 3 === 0 ? ("text-first" as const) : ("image-first" as const)));
  const { inputs } = await mixedOrderExamples({ ...pairs, textFirstShare: 0.5, orders }).batch(everyIndex, context(1));
  expect(textFirst(inputs.data, inputs.length)).toEqual(orders.map((order) => order === "text-first"));
});

it("weighs words as asked in training, and everything the same in evaluation", async () => {
  const { inputs, targets, weights } = await mixedOrderExamples({ ...pairs, textFirstShare: 1 }).batch(
    Int32Array.of(5),
    context(1),
  );
  const modalities = [...targets.data].map((id) => tokenizer.modality(id));
  expect([...weights!]).toEqual(modalities.map((modality) => (modality === "text" ? 2 : 1)));
  expect(modalities.filter((modality) => modality === "text")).toHaveLength(2);

  const tokens = tokenizer.encode({ codes, captions, order: "text-first" });
  const plain = await sequenceExamples(tokenizer, tokens).batch(Int32Array.of(5), context(1));
  expect(plain.inputs).toEqual(inputs);
  expect(new Set(plain.weights ?? [1])).toEqual(new Set([1]));
});
