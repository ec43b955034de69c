import { describe, expect, it } from "vitest";
import type { ModelMetrics } from "./measure.js";
import { formatMetrics } from "./report.js";

const agreement = { count: 200, accuracy: { digit: 0.93, digitColor: 1, backgroundColor: 1 }, allRight: 0.93 };
const order = (nats: number) => ({
  natsPerId: nats,
  natsPerSequence: 25 * nats,
  byModality: {
    image: { natsPerId: nats + 1, natsPerSequence: 18 * (nats + 1) },
    text: { natsPerId: nats / 2, natsPerSequence: 3 * nats },
    special: { natsPerId: 0.25, natsPerSequence: 0.5 },
  },
  bitsPerPixel: nats / 20,
  byPosition: [nats],
});
const metrics: ModelMetrics = {
  vqvae: {
    meanSquaredError: 0.00123,
    exactLevelAccuracy: 0.987,
    peakSignalToNoiseRatio: 30,
    perplexity: 120.4,
    codesUsed: 0.98,
  },
  likelihood: {
    natsPerId: 2.5,
    natsPerSequence: 62.5,
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
  timing: { rows: 16, counted: "ids generated", series: [] },
};

describe("formatMetrics", () => {
  it("prints the test loss by order and modality, by pair and by pixel", () => {
    expect(formatMetrics(metrics, [["data", "MNIST"]])).toContain(`
test loss            text first  image first    both
nats per id               2.000        3.000   2.500
nats per image code       3.000        4.000   3.500
nats per word             1.000        1.500   1.250
nats per special id       0.250        0.250   0.250
nats per pair            50.000       75.000  62.500
bits per pixel            0.100        0.150   0.125
`);
  });

  it("prints bounds of the test loss for the family diffusion", () => {
    const bound = { natsPerId: 3, natsPerSequence: 54 };
    const bounds = { imageGivenText: bound, textGivenImage: { natsPerId: 1, natsPerSequence: 6 }, both: bound };
    const { byOrder: _, ...likelihood } = metrics.likelihood;
    expect(formatMetrics({ ...metrics, likelihood: { ...likelihood, bounds } })).toContain(`
test loss, at most  image given text  text given image    both
nats per id                    3.000             1.000   2.500
nats per pair                 54.000             6.000  62.500
bits per pixel                 0.125
`);
  });

  const withClassifier = (digit: number, backgroundColor: number) =>
    formatMetrics({
      ...metrics,
      attributes: {
        ...metrics.attributes!,
        classifierOnTestImages: { count: 1000, accuracy: { digit, digitColor: 1, backgroundColor }, allRight: 0.9 },
      },
    });

  it("warns of a classifier that is often wrong on real images", () => {
    expect(withClassifier(0.98, 0.5)).toMatch(/Warning: .* right only: digit 98 %, background 50 %\. Below 99 %/);
  });

  it("trusts a classifier that may well get 99 % right, as far as a thousand images tell", () => {
    expect(withClassifier(0.985, 0.99)).not.toContain("Warning");
  });
});

describe("metrics of images without attributes", () => {
  it("leave out the attribute table and the count of digits", () => {
    const { attributes: _, invention, ...others } = metrics;
    const { digits: __, ...words } = invention;
    const text = formatMetrics({ ...others, invention: words });
    expect(text).toContain("31 different words, 99.5 % distinct among 200");
    expect(text).not.toMatch(/how often right|digit/);
  });
});
