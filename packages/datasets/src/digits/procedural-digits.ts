import { ConfigError, Random } from "@mmgen/core";
import type { LabeledImages } from "../captions/labeled-images.js";
import { type Allograph, allographs } from "../handwriting/allographs.js";
import { Pen } from "../handwriting/pen.js";
import { renderSegments, side } from "../handwriting/render-segments.js";
import { bendSegments, boundedNormal, flattenStrokes } from "../handwriting/segments.js";

/** Options of {@link proceduralDigits}. */
export interface ProceduralDigitsOptions {
  readonly count: number;
  readonly seed: number;
  /** The number of the first digit in the seed's endless sequence; default 0. Ranges that do not meet are disjoint sets. */
  readonly start?: number;
}

/**
 * Draws handwritten-looking digits, for where no MNIST can be had.
 *
 * Each is a vector drawing in one of several ways of writing its digit, bent, thickened and rendered as MNIST's
 * are: `[count, 28, 28, 1]`, 0 paper to 255 ink, in a box of 20 × 20 pixels about the center of mass. Digit number
 * `i` of a seed depends on the two alone, so any range can be had again without those before it. The ten
 * classes are equally likely.
 */
export function proceduralDigits(options: ProceduralDigitsOptions): LabeledImages {
  const { count, seed, start = 0 } = options;
  if (!Number.isInteger(count) || count < 0 || !Number.isSafeInteger(start + count) || start < 0) {
    throw new ConfigError(
      `proceduralDigits: expected count and start to be whole numbers of at least 0, got ${count} and ${start}.`,
    );
  }
  const data = new Uint8Array(count * side * side);
  const labels = new Uint8Array(count);
  const digits = Random.fromSeed(seed).fork("procedural digits");
  for (let i = 0; i < count; i++) {
    const random = digits.fork(start + i);
    labels[i] = random.integer(10);
    drawDigit(labels[i]!, random, data.subarray(i * side * side, (i + 1) * side * side));
  }
  return { images: { data, count, height: side, width: side, channels: 1, maxValue: 255 }, labels };
}

function drawDigit(digit: number, random: Random, out: Uint8Array): void {
  const pen = new Pen(random, 0.012 + 0.02 * random.uniform());
  const segments = flattenStrokes(chooseAllograph(digit, random)(pen));
  bendSegments(segments, random);
  // Log-normal about MNIST's typical stroke of two and a half pixels, hairlines and felt pens included.
  const radius = 1.25 * Math.exp(0.3 * boundedNormal(random));
  const edge = 0.7 + 0.6 * random.uniform();
  renderSegments(segments, radius, edge, out);
}

function chooseAllograph(digit: number, random: Random): Allograph {
  const choices = allographs[digit]!;
  let draw = random.uniform();
  for (const [share, allograph] of choices) {
    draw -= share;
    if (draw < 0) {
      return allograph;
    }
  }
  return choices[0]![1];
}
