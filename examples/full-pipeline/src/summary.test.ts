import { describe, expect, it } from "vitest";
import type { EvaluationFigures } from "./evaluate-models.js";
import { figureLines } from "./summary.js";

const agreement = { count: 200, accuracy: { digit: 0.93, digitColor: 1, backgroundColor: 1 }, allRight: 0.93 };
const order = (nats: number) => ({
  natsPerDim: nats,
  natsPerSample: 25 * nats,
  byModality: {
    image: { natsPerDim: nats + 1, natsPerSample: 18 * (nats + 1) },
    text: { natsPerDim: nats / 2, natsPerSample: 3 * nats },
    special: { natsPerDim: 0.25, natsPerSample: 0.5 },
  },
  bitsPerPixel: nats / 20,
  byPosition: [nats],
});
const figures: EvaluationFigures = {
  tokenizer: { meanSquaredError: 0.00123, exactLevelAccuracy: 0.987, perplexity: 120.4, codesUsed: 0.98 },
  likelihood: {
    natsPerDim: 2.5,
    natsPerSample: 62.5,
    bitsPerPixel: 0.125,
    byOrder: { "text-first": order(2), "image-first": order(3) },
  },
  attributes: {
    classifierOnTestImages: { ...agreement, count: 1000 },
    reconstructions: agreement,
    textToImage: agreement,
    imageToText: agreement,
    unconditional: agreement,
  },
  invention: { count: 200, digits: 10, words: 31, distinct: 0.995 },
  timing: { rows: 16, series: [] },
};

describe("figureLines", () => {
  it("prints the test loss by order and modality, by pair and by pixel", () => {
    expect(figureLines(figures, [["data", "MNIST"]])).toContain(`
test loss            text first  image first    both
nats per id               2.000        3.000   2.500
nats per image code       3.000        4.000   3.500
nats per word             1.000        1.500   1.250
nats per special id       0.250        0.250   0.250
nats per pair            50.000       75.000  62.500
bits per pixel            0.100        0.150   0.125
`);
  });

  const judgedBy = (digit: number, backgroundColor: number) =>
    figureLines({
      ...figures,
      attributes: {
        ...figures.attributes,
        classifierOnTestImages: { count: 1000, accuracy: { digit, digitColor: 1, backgroundColor }, allRight: 0.9 },
      },
    });

  it("warns of a judge that misreads real images, and of nothing else", () => {
    expect(judgedBy(0.98, 0.5)).toMatch(/Warning: .* right only: digit 98 %, background 50 %\. Below 99 %/);
  });

  it("trusts a judge that may well read 99 %, as far as a thousand images tell", () => {
    expect(judgedBy(0.985, 0.99)).not.toContain("Warning");
  });
});
