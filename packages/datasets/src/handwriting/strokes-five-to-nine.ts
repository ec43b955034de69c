import type { Pen, Point, Stroke } from "./pen.js";
import { belly } from "./strokes-zero-to-four.js";

export function cappedFive(pen: Pen): Stroke[] {
  const top = pen.point(pen.between(0.16, 0.4), pen.between(0, 0.1));
  const waist = pen.point(top[0] - pen.between(0, 0.16), pen.between(0.3, 0.5));
  const capStart: Point = [top[0] + pen.between(-0.04, 0.14), top[1] + pen.between(-0.08, 0.08)];
  const capEnd = pen.point(pen.between(0.62, 1.12), pen.between(-0.14, 0.08));
  const sag = pen.between(-0.03, 0.05);
  return [
    [capStart, pen.point((capStart[0] + capEnd[0]) / 2, (capStart[1] + capEnd[1]) / 2 + sag), capEnd],
    [top, waist],
    belly(pen, waist),
  ];
}

export function flowingFive(pen: Pen): Stroke[] {
  const top = pen.point(pen.between(0.24, 0.46), pen.between(0, 0.1));
  const right = pen.between(0.58, 0.84);
  return [
    [pen.point(pen.between(0.76, 1.12), pen.between(-0.06, 0.06)), pen.point(0.6, 0.02), top],
    [
      top,
      pen.point(top[0] - 0.12, 0.28),
      pen.point(top[0] - 0.02, 0.44),
      pen.point(right - 0.06, 0.56),
      pen.point(right, 0.76),
      pen.point(0.46, 0.97),
      pen.point(pen.between(0, 0.2), pen.between(0.86, 1.02)),
    ],
  ];
}

export function roundSix(pen: Pen): Stroke[] {
  const waist = pen.between(0.46, 0.72);
  const right = pen.between(0.68, 0.96);
  const left = pen.between(0.04, 0.14);
  return [
    [
      pen.point(pen.between(0.3, 0.84), pen.between(-0.02, 0.08)),
      pen.point(pen.between(0.2, 0.34), 0.2),
      pen.point(left, 0.55),
      pen.point(left + 0.08, 0.88),
      pen.point(0.42, 1),
      pen.point(right - 0.05, 0.88),
      pen.point(right - 0.06, waist + 0.08),
      pen.point(0.46, waist),
      pen.point(left + pen.between(0, 0.16), waist + pen.between(0.1, 0.26)),
    ],
  ];
}

export function straightSix(pen: Pen): Stroke[] {
  const radius = pen.between(0.16, 0.3);
  const center: Point = [pen.between(0.34, 0.46), 1 - radius];
  const loop = pen.arc(center, [pen.between(0.2, 0.34), radius], [190, -150 + pen.between(-60, 60)]);
  return [[pen.point(pen.between(0.2, 0.5), 0), pen.point(pen.between(0.1, 0.24), 0.4), ...loop]];
}

/** The slope of a 7 from its upper right corner to its foot. */
function slopeOfSeven(pen: Pen, corner: Point): Stroke {
  const foot = pen.point(pen.between(0.26, 0.72), 1);
  const bow = pen.between(-0.1, 0.05);
  return [corner, pen.point((corner[0] + foot[0]) / 2 + bow, pen.between(0.45, 0.55)), foot];
}

export function plainSeven(pen: Pen): Stroke[] {
  const corner = pen.point(pen.between(0.72, 0.96), pen.between(-0.02, 0.1));
  const start = pen.point(pen.between(-0.04, 0.16), pen.between(0.02, 0.16));
  const bar = [
    start,
    pen.point((start[0] + corner[0]) / 2, (start[1] + corner[1]) / 2 + pen.between(-0.05, 0.04)),
    corner,
  ];
  const slope = slopeOfSeven(pen, corner);
  return pen.chance(0.45) ? [[...bar.slice(0, 2), [corner[0] - 0.06, corner[1]], ...slope.slice(1)]] : [bar, slope];
}

export function barredSeven(pen: Pen): Stroke[] {
  const strokes = plainSeven(pen);
  const height = pen.between(0.4, 0.58);
  const middle = pen.between(0.52, 0.6);
  const half = pen.between(0.16, 0.3);
  return [
    ...strokes,
    [pen.point(middle - half, height + 0.02), pen.point(middle + half, height - pen.between(-0.02, 0.06))],
  ];
}

export function hookedSeven(pen: Pen): Stroke[] {
  const left = pen.between(-0.02, 0.14);
  const corner = pen.point(pen.between(0.72, 0.94), pen.between(0, 0.1));
  const peak = pen.point(left + 0.06, pen.between(0, 0.08));
  return [
    [pen.point(left, pen.between(0.18, 0.36)), peak],
    [peak, pen.point(0.45, pen.between(0.02, 0.1)), corner],
    slopeOfSeven(pen, corner),
  ];
}

export function crossedEight(pen: Pen): Stroke[] {
  const waist = pen.between(0.38, 0.58);
  const top = pen.between(0.14, 0.34);
  const bottom = pen.between(0.14, 0.38);
  const shift = pen.between(-0.1, 0.1);
  const startX = 0.5 + top * pen.between(0.4, 1.7);
  const startY = pen.between(0, 0.2);
  const lower = (waist + 1) / 2;
  return [
    [
      pen.point(startX, startY),
      pen.point(0.5, 0),
      pen.point(0.5 - top, waist * pen.between(0.36, 0.5)),
      pen.point(0.5 + shift / 2, waist),
      pen.point(0.5 + shift + bottom, lower),
      pen.point(0.5 + shift, 1),
      pen.point(0.5 + shift - bottom, lower + 0.04),
      pen.point(0.5 + shift / 2, waist),
      pen.point(0.5 + top * pen.between(0.8, 1.2), waist * pen.between(0.36, 0.5)),
      pen.point(startX + pen.between(-0.14, 0.08), startY + pen.between(-0.1, 0.08)),
    ],
  ];
}

export function stackedEight(pen: Pen): Stroke[] {
  const waist = pen.between(0.42, 0.54);
  const start = pen.between(-140, -40);
  const upper = pen.arc(
    [0.5, waist / 2],
    [pen.between(0.18, 0.3), waist / 2],
    [start, start - 360 + pen.between(-20, 20)],
  );
  const from = pen.between(-130, -50);
  const lower = pen.arc(
    [pen.between(0.46, 0.54), (1 + waist) / 2],
    [pen.between(0.22, 0.36), (1 - waist) / 2],
    [from, from + 360 + pen.between(-20, 20)],
  );
  return [upper, lower];
}

/** The loop of a 9, drawn from its upper right against the clock and back toward `joint`, where the stem begins. */
function loopOfNine(pen: Pen, joint: Point): Point[] {
  const radiusX = pen.between(0.18, 0.36);
  const radiusY = pen.between(0.16, 0.29);
  const center: Point = [joint[0] - radiusX * pen.between(0.75, 1.05), radiusY];
  const start = pen.between(-75, -5);
  return pen.arc(center, [radiusX, radiusY], [start, start - pen.between(290, 370)]);
}

export function straightNine(pen: Pen): Stroke[] {
  const joint = pen.point(pen.between(0.66, 0.84), pen.between(0.02, 0.3));
  const foot = pen.point(joint[0] - pen.between(-0.08, 0.3), 1);
  const bow = pen.between(-0.03, 0.05);
  return [loopOfNine(pen, joint), [joint, pen.point((joint[0] + foot[0]) / 2 + bow, 0.55), foot]];
}

export function curvedNine(pen: Pen): Stroke[] {
  const joint = pen.point(pen.between(0.7, 0.84), pen.between(0.04, 0.24));
  const tail: Point[] = [
    joint,
    pen.point(joint[0] + pen.between(-0.02, 0.04), 0.45),
    pen.point(joint[0] - 0.06, 0.8),
    pen.point(pen.between(0.36, 0.54), pen.between(0.96, 1.02)),
    pen.point(pen.between(0.02, 0.3), pen.between(0.8, 1)),
  ];
  return [loopOfNine(pen, joint), tail];
}

export function flowingNine(pen: Pen): Stroke[] {
  const joint = pen.point(pen.between(0.6, 0.78), pen.between(0.24, 0.44));
  const foot = pen.point(joint[0] - pen.between(-0.04, 0.3), 1);
  const loop = loopOfNine(pen, joint);
  return [[...loop, joint, pen.point((joint[0] + foot[0]) / 2, 0.7), foot]];
}
