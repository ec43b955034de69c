import type { Random } from "@mmgen/core";
import type { Stroke } from "./pen.js";

/** Line segments, each `x0, y0, x1, y1`. */
export type Segments = number[];

/** Segments of the curve between two points of a stroke. */
const stepsPerSpan = 4;

/** Converts strokes to short straight segments along Catmull-Rom curves through their points. */
export function flattenStrokes(strokes: readonly Stroke[]): Segments {
  const segments: Segments = [];
  for (const stroke of strokes) {
    const last = stroke.length - 1;
    for (let i = 0; i < last; i++) {
      const [x0, y0] = stroke[Math.max(0, i - 1)]!;
      const [x1, y1] = stroke[i]!;
      const [x2, y2] = stroke[i + 1]!;
      const [x3, y3] = stroke[Math.min(last, i + 2)]!;
      const steps = last === 1 ? 1 : stepsPerSpan;
      let fromX = x1;
      let fromY = y1;
      for (let step = 1; step <= steps; step++) {
        const t = step / steps;
        const x = catmullRom(x0, x1, x2, x3, t);
        const y = catmullRom(y0, y1, y2, y3, t);
        segments.push(fromX, fromY, x, y);
        fromX = x;
        fromY = y;
      }
    }
  }
  return segments;
}

function catmullRom(a: number, b: number, c: number, d: number, t: number): number {
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/**
 * Bends segments in place, as handwriting varies from writer to writer: slant, rotation, narrowness, and a smooth elastic
 * warp. This varies whole digits; the pen varies their parts.
 */
export function bendSegments(segments: Segments, random: Random): void {
  const rotation = 0.1 * boundedNormal(random);
  const slant = 0.16 + 0.27 * boundedNormal(random);
  const narrowness = 0.92 * Math.exp(0.2 * boundedNormal(random));
  // How much wider the bottom is than the top, and how much lower the middle sits.
  const taper = 0.25 * boundedNormal(random);
  const droop = 0.2 * boundedNormal(random);
  const cos = Math.cos(rotation);
  const sin = Math.sin(rotation);
  const warp = Array.from({ length: 4 }, () => ({
    phase: 2 * Math.PI * random.uniform(),
    alongX: 5 * (random.uniform() - 0.5),
    alongY: 5 * (random.uniform() - 0.5),
    strength: 0.045 * boundedNormal(random),
  }));
  for (let i = 0; i < segments.length; i += 2) {
    const x = segments[i]! - 0.5;
    const y = segments[i + 1]! - 0.5;
    let warpedX = x * (1 + taper * y);
    let warpedY = y - droop * (y * y - 0.25);
    for (let k = 0; k < warp.length; k++) {
      const { phase, alongX, alongY, strength } = warp[k]!;
      const push = strength * Math.sin(phase + alongX * x + alongY * y);
      if (k % 2 === 0) {
        warpedX += push;
      } else {
        warpedY += push;
      }
    }
    const slanted = narrowness * warpedX - slant * warpedY;
    segments[i] = cos * slanted - sin * warpedY;
    segments[i + 1] = sin * slanted + cos * warpedY;
  }
}

/** A standard normal draw clamped to ±2, as more extreme values would make digits unreadable. */
export function boundedNormal(random: Random): number {
  return Math.max(-2, Math.min(2, random.normal()));
}
