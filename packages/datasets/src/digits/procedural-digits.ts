import { Random } from "@mmgen/core";
import { fields, type OptionsOf, optional, pipe, resolveOptions, rule, wholeNumber } from "@mmgen/core/options";
import type { LabeledImages } from "../captions/labeled-images.js";
import { type Allograph, allographs } from "../handwriting/allographs.js";
import { Pen } from "../handwriting/pen.js";
import { renderSegments, side } from "../handwriting/render-segments.js";
import { bendSegments, boundedNormal, flattenStrokes } from "../handwriting/segments.js";

const proceduralDigitsSchema = pipe(
  fields({
    /** Number of digits. */
    count: wholeNumber({ min: 0 }),
    /** Selects one endless sequence of digits. */
    seed: wholeNumber(),
    /** Position of the first digit in that sequence; default 0. Ranges that do not overlap are disjoint sets. */
    start: optional(wholeNumber({ min: 0 }), 0),
  }),
  rule("start", ({ start, count }) =>
    Number.isSafeInteger(start + count) ? undefined : `expected start + count below 2^53, got ${start} + ${count}.`,
  ),
);

/** Options of {@link proceduralDigits}. */
export type ProceduralDigitsOptions = OptionsOf<typeof proceduralDigitsSchema>;

/**
 * Draws handwritten-looking digits, a stand-in for MNIST that needs neither files nor a network.
 *
 * A digit is a vector drawing in one of several ways of writing it, bent, thickened, and rendered as MNIST's are, in a
 * box of 20 × 20 pixels around its center of mass. The ten classes are equally likely. Digit `i` depends on `seed` and
 * `i` alone, so any range can be drawn again without those before it.
 *
 * @returns `[count, 28, 28, 1]`, 0 paper to 255 ink, with labels; yours.
 * @throws a `ConfigError` when an option is unknown or out of range.
 */
export function proceduralDigits(options: ProceduralDigitsOptions): LabeledImages {
  const { count, seed, start } = resolveOptions(proceduralDigitsSchema, options);
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
  // Log-normal about MNIST's typical stroke of two and a half pixels, from hairlines to felt pens.
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
