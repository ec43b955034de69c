import type { TrainingBatch } from "@mmgen/multimodal-tokenizer";
import { describe, expect, it } from "vitest";
import { codesOf, lineTokenizer } from "./letters.js";
import { lineFigures, lineLikelihood, meanNats } from "./line-likelihood.js";

const tokenizer = lineTokenizer(26, 8);
const pairs = { codes: codesOf(tokenizer, ["ABCDEFGH", "ZYXWVUTS", "AAAAAAAA"]), captions: ["7", "0", "7"] };

/** What each kind of character costs; padding is dear, to be seen where it is counted. */
const nats = { drawnLetter: 2, readLetter: 3, askedDigit: 5, readDigit: 0.5, padding: 100 };

const model = {
  lossPerPosition: async ({ inputs, targets }: TrainingBatch) => {
    const lines = tokenizer.describe(inputs);
    return Float32Array.from(targets.data, (id, at) => {
      const draws = lines[Math.floor(at / targets.length)]!.startsWith("number:");
      switch (tokenizer.modality(id)) {
        case "image":
          return draws ? nats.drawnLetter : nats.readLetter;
        case "text":
          return draws ? nats.askedDigit : nats.readDigit;
        default:
          return at % targets.length < 24 ? 0 : nats.padding;
      }
    });
  },
};

describe("lineLikelihood", () => {
  it("takes a letter's figure from the lines that draw, and leaves padding out", async () => {
    const figures = await lineFigures(model, tokenizer, pairs);
    const { natsAsPublished, natsPerCharacter, natsPerLetter, natsPerLine } = lineLikelihood(figures, 32);
    expect(natsPerLetter).toBe(nats.drawnLetter);
    expect(natsPerLine).toEqual({ drawing: 8 * 2 + 5, reading: 8 * 3 + 0.5 });
    // The mean line has 22.75 nats: over its 24 targets, and with the toss of the next line over the original's 32.
    expect(natsPerCharacter).toBeCloseTo(22.75 / 24, 12);
    expect(meanNats(figures)).toBe(natsPerCharacter);
    expect(natsAsPublished).toBeCloseTo((22.75 + Math.log(2)) / 32, 12);
  });
});
