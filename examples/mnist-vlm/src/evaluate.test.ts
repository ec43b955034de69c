import type { TrainingBatch } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import { describe, expect, it } from "vitest";
import { lineLikelihood, lineMetrics, meanNats } from "./evaluate.js";
import { lineTokenizer, parseLetters } from "./lines.js";

const tokenizer = lineTokenizer(26, 8);
const pairs = { codes: parseLetters(tokenizer, ["ABCDEFGH", "ZYXWVUTS", "AAAAAAAA"]), captions: ["7", "0", "7"] };

/** Nats of each kind of character; much for padding, which must not count. */
const nats = { drawnLetter: 2, promptLetter: 3, promptDigit: 5, classifiedDigit: 0.5, padding: 100 };

const transformer = {
  lossPerPosition: async ({ inputs, targets }: TrainingBatch) => {
    const lines = tokenizer.describe(inputs);
    return Float32Array.from(targets.data, (id, at) => {
      const draws = lines[Math.floor(at / targets.length)]!.startsWith("number:");
      switch (tokenizer.modality(id)) {
        case "image":
          return draws ? nats.drawnLetter : nats.promptLetter;
        case "text":
          return draws ? nats.promptDigit : nats.classifiedDigit;
        default:
          return at % targets.length < 24 ? 0 : nats.padding;
      }
    });
  },
} as unknown as TinyTransformer;

describe("lineLikelihood", () => {
  it("takes nats per letter from the lines that draw, and leaves padding out", async () => {
    const metrics = await lineMetrics({ tokenizer, transformer }, pairs);
    const { natsAsPublished, natsPerCharacter, natsPerLetter, natsPerLine } = lineLikelihood(metrics, 32);
    expect(natsPerLetter).toBe(nats.drawnLetter);
    expect(natsPerLine).toEqual({ drawing: 8 * 2 + 5, classification: 8 * 3 + 0.5 });
    // The mean line has 22.75 nats: over its 24 targets, and with the first character of the next over the published 32.
    expect(natsPerCharacter).toBeCloseTo(22.75 / 24, 12);
    expect(meanNats(metrics)).toBe(natsPerCharacter);
    expect(natsAsPublished).toBeCloseTo((22.75 + Math.log(2)) / 32, 12);
  });
});
