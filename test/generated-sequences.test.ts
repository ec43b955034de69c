import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random, type SequenceModel, type TokenBatch } from "@mmgen/core";
import type { MultimodalTokenizer, Order, PartialPair } from "@mmgen/multimodal-tokenizer";
import { generate, idProbabilities, type SamplingOptions } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPairs, smallTokenizers } from "../packages/multimodal-tokenizer/src/tokenizer/tokenizers.fixture.js";
import { fakeModel } from "../packages/samplers/src/autoregressive/models.fixture.js";
import { anyLogits, anySampling, pickLogits } from "../packages/samplers/src/processors/arbitraries.fixture.js";
import { countIds, expectFrequencies } from "../packages/samplers/src/processors/frequencies.fixture.js";
import { giveConstantLogits } from "./fixtures/constant-logits.fixture.js";

/** The beginnings of pairs that a prompt of this order, or of either, starts with. */
const beginnings = (tokenizer: MultimodalTokenizer, rows: number, order: Order | undefined) =>
  tokenizer.promptForPairs(rows, order ?? "halves");

const firstIds = ({ data, count, length }: TokenBatch, some: number) =>
  Array.from({ length: count }, (_, row) => [...data.subarray(row * length, row * length + some)]);

describe.each(Object.entries(smallTokenizers))("sequences generated for %s", (_, tokenizer) => {
  const { vocabularySize } = tokenizer;
  const wild = fc.array(anyLogits(vocabularySize), { minLength: 3, maxLength: 3 });

  /** The same rows without their condition, where the tokenizer can say so. */
  const guidanceFor = (prompt: TokenBatch, scale: number | undefined) =>
    scale === undefined
      ? undefined
      : { prompt: tokenizer.config.nullToken ? tokenizer.withoutCondition(prompt) : prompt, scale };

  it("split back into pairs, whatever the logits", async () => {
    await fc.assert(
      fc.asyncProperty(
        wild,
        anySampling,
        fc.constantFrom(undefined, ...tokenizer.orders),
        fc.nat(),
        async (logits, { scale, ...sampling }, order, seed) => {
          const prompt = beginnings(tokenizer, 3, order);
          const guidance = guidanceFor(prompt, scale);
          const model = fakeModel(vocabularySize, pickLogits(logits));
          const grammar = tokenizer.grammar(order);
          const tokens = await generate({ model, prompt, grammar, seed, guidance, ...sampling });
          const pairs = tokenizer.decode(tokens);
          expect(tokenizer.encode(pairs)).toEqual(tokens);
          if (order !== undefined) {
            expect(pairs.order).toEqual([order, order, order]);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("complete any beginning, and keep it", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyBeginning(tokenizer),
        wild,
        anySampling,
        fc.nat(),
        async (beginning, logits, { scale, ...sampling }, seed) => {
          const prompt = tokenizer.promptForCompletion(beginning);
          const tokens = await generate({
            model: fakeModel(vocabularySize, pickLogits(logits)),
            prompt,
            grammar: tokenizer.grammar(beginning.order),
            guidance: guidanceFor(prompt, scale),
            seed,
            ...sampling,
          });
          expect(firstIds(tokens, prompt.length)).toEqual(firstIds(prompt, prompt.length));
          const { codes, captions, order } = tokenizer.decode(tokens);
          expect(order).toEqual(order.map(() => beginning.order));
          const image = { data: codes.data, count: codes.count, length: codes.height * codes.width };
          const given = beginning.codes;
          expect(given === undefined || firstIds(image, given.length)).toEqual(
            given === undefined || firstIds(given, given.length),
          );
          captions.forEach((caption, row) => {
            expect(caption.startsWith(beginning.captions?.[row] ?? "")).toBe(true);
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it("are a native decode's as well", async () => {
    registerOnnxBackend();
    await tf.setBackend("onnx");
    const config = { vocabularySize, contextLength: tokenizer.sequenceLength, width: 4, heads: 1, layers: 1 };
    using model = TinyTransformer.create(config, { random: Random.fromSeed(1) });
    const stepped: SequenceModel = {
      vocabularySize,
      contextLength: config.contextLength,
      prefill: (ids) => model.prefill(ids),
    };
    const prompt = beginnings(tokenizer, 4, undefined);
    const settings: SamplingOptions[] = [{ temperature: 1 }, { temperature: 0.5, topK: 3, topP: 0.71 }];
    for (const sampling of settings) {
      await fc.assert(
        fc.asyncProperty(
          anyLogits(vocabularySize, fc.constantFrom(-2, -0.5, 0, 0.75, 1.5)),
          fc.nat(),
          async (logits, seed) => {
            giveConstantLogits(model, logits);
            const options = { prompt, grammar: tokenizer.grammar(), seed, ...sampling };
            const tokens = await generate({ model, ...options });
            expect(() => tokenizer.decode(tokens)).not.toThrow();
            expect(tokens).toEqual(await generate({ model: stepped, ...options }));
          },
        ),
        { numRuns: 4 },
      );
    }
  });
});

it("words, codes and ends are drawn by their probabilities among what the grammar allows", async () => {
  const tokenizer = smallTokenizers["switch, varying length"]!;
  const { vocabularySize } = tokenizer;
  const grammar = tokenizer.grammar();
  const logits = Float32Array.from({ length: vocabularySize }, (_, id) => Math.sin(3 * id));
  const model = fakeModel(vocabularySize, () => logits);
  const { data, length } = await generate({ model, prompt: tokenizer.promptForPairs(5000), grammar, seed: 2 });
  // What was drawn in each state of the grammar that leaves a choice.
  const drawn = new Map<number, number[]>();
  let state = grammar.start;
  data.forEach((id, i) => {
    state = i % length === 0 ? grammar.start : state;
    drawn
      .set(state, drawn.get(state) ?? [])
      .get(state)!
      .push(id);
    state = grammar.next[state * vocabularySize + id]!;
  });
  let choices = 0;
  for (const [state, ids] of drawn) {
    const legal = [...logits.keys()].filter((id) => grammar.allowed[state * vocabularySize + id] === 1);
    // Too few draws for chi-square are none of its business.
    if (legal.length > 1 && ids.length >= 1000) {
      expectFrequencies(countIds(ids, vocabularySize), idProbabilities(logits, { legal }));
      choices++;
    }
  }
  expect(choices).toBeGreaterThan(10);
});

/** A part of what comes first, or all of it and a part of the rest, of one to three pairs. */
function anyBeginning(tokenizer: MultimodalTokenizer): fc.Arbitrary<PartialPair> {
  const { codeGrid, layout, textUnit } = tokenizer.config;
  const size = codeGrid.height * codeGrid.width;
  const blank = textUnit === "words" ? " " : "";
  return fc
    .record({
      pairs: anyPairs(tokenizer).filter(({ captions }) => captions.length > 0),
      order: fc.constantFrom(...tokenizer.orders),
      reachesSecond: fc.boolean(),
      codesKept: fc.nat({ max: size }),
      wordsKept: fc.nat({ max: 3 }),
    })
    .map(({ pairs, order, reachesSecond, codesKept, wordsKept }) => {
      // A class is one unit, whatever its name.
      const unitsOf = (caption: string) => (blank === "" ? [...caption] : caption.split(" ").filter(Boolean));
      const units = pairs.captions.map((caption) => (layout === "class" ? [caption] : unitsOf(caption)));
      // A beginning breaks off at the same place in all rows.
      const common = Math.min(wordsKept, ...units.map((each) => each.length));
      const captions = units.map((each) => each.slice(0, common).join(blank));
      const leadingCodes = (length: number) => ({
        data: Int32Array.from(
          firstIds({ data: pairs.codes.data, count: pairs.codes.count, length: size }, length).flat(),
        ),
        count: pairs.codes.count,
        length,
      });
      if (order === "text-first") {
        return reachesSecond
          ? { order, captions: pairs.captions, codes: leadingCodes(codesKept) }
          : { order, captions };
      }
      return reachesSecond ? { order, codes: leadingCodes(size), captions } : { order, codes: leadingCodes(codesKept) };
    });
}
