import type { Pen, Point, Stroke } from "./pen.js";

export function zero(pen: Pen): Stroke[] {
  const start = pen.between(-150, -30);
  const sweep = 360 + pen.between(-25, 45);
  const direction = pen.chance(0.85) ? -1 : 1;
  return [
    pen.arc([0.5, 0.5], [pen.between(0.26, 0.58), 0.5], [start, start + direction * sweep], pen.between(-0.18, 0.12)),
  ];
}

export function barOne(pen: Pen): Stroke[] {
  const bow = pen.between(-0.04, 0.04);
  return [[pen.point(0.5, 0), pen.point(0.5 + bow, 0.5), pen.point(0.5, 1)]];
}

export function flaggedOne(pen: Pen): Stroke[] {
  const top = pen.point(0.55, 0);
  const flag = pen.point(0.55 - pen.between(0.1, 0.3), pen.between(0.1, 0.3));
  return [
    [flag, top],
    [top, pen.point(0.54, 0.5), pen.point(0.54, 1)],
  ];
}

export function basedOne(pen: Pen): Stroke[] {
  const foot = pen.point(0.5, 1);
  const half = pen.between(0.18, 0.34);
  const upright = pen.chance(0.7) ? flaggedOne(pen) : barOne(pen);
  return [...upright, [pen.point(foot[0] - half, 1), foot, pen.point(foot[0] + half, pen.between(0.95, 1.02))]];
}

/** The bow of a 2, from its left tip over the top and down toward the lower left. */
function bowOfTwo(pen: Pen, foot: Point): Point[] {
  const right = pen.between(0.58, 0.95);
  const tip = pen.between(0.1, 0.4);
  const neck = pen.between(0.34, 0.52);
  return [
    pen.point(pen.between(0.08, 0.22), tip),
    pen.point(0.24, pen.between(0.04, 0.12)),
    pen.point(0.48, 0),
    pen.point(right, 0.18),
    pen.point(right - pen.between(0.02, 0.12), neck),
    pen.point((right + foot[0]) / 2, (neck + 1.02) / 2),
    foot,
  ];
}

export function cornerTwo(pen: Pen): Stroke[] {
  const foot = pen.point(pen.between(-0.1, 0.22), pen.between(0.92, 1));
  const end = pen.point(pen.between(0.7, 1.2), pen.between(0.84, 1.06));
  const sag = pen.between(-0.06, 0.05);
  return [bowOfTwo(pen, foot), [foot, pen.point((foot[0] + end[0]) / 2, (foot[1] + end[1]) / 2 + sag), end]];
}

export function loopedTwo(pen: Pen): Stroke[] {
  const left = pen.between(-0.12, 0.16);
  const low = pen.between(0.88, 1);
  const rise = pen.between(0.06, 0.34);
  const bow = bowOfTwo(pen, pen.point(left + 0.16, low - 0.02));
  return [
    [
      ...bow,
      pen.point(left, low - 0.04),
      pen.point(left + 0.08, low - rise),
      pen.point(left + 0.34, low - rise * 0.5),
      pen.point(0.66, low),
      pen.point(pen.between(0.85, 1.15), low - pen.between(-0.04, 0.14)),
    ],
  ];
}

/** The top bow of a 3, from its left tip to the waist. */
function topOfThree(pen: Pen, waist: Point): Point[] {
  const right = pen.between(0.64, 0.88);
  return [
    pen.point(pen.between(0.02, 0.28), pen.between(0.03, 0.24)),
    pen.point(0.42, 0),
    pen.point(right, 0.14),
    pen.point(right - 0.06, 0.32),
    waist,
  ];
}

/** The bottom bow of a 3 or a capped 5, from (x, y) round the right to the lower left. */
export function belly(pen: Pen, start: Point): Point[] {
  const right = pen.between(0.66, 0.98);
  const middle = (start[1] + 1) / 2;
  return [
    start,
    pen.point((start[0] + right) / 2 + 0.05, start[1] + pen.between(-0.06, 0.06)),
    pen.point(right, middle - 0.02),
    pen.point(right - 0.12, 0.92),
    pen.point(0.42, 1),
    pen.point(pen.between(-0.12, 0.24), pen.between(0.74, 1)),
  ];
}

export function roundThree(pen: Pen): Stroke[] {
  const waist = pen.point(pen.between(0.16, 0.52), pen.between(0.38, 0.52));
  return [topOfThree(pen, waist), belly(pen, waist)];
}

export function loopedThree(pen: Pen): Stroke[] {
  const waist = pen.point(pen.between(0.28, 0.44), pen.between(0.44, 0.54));
  const low: Point = [waist[0] + 0.02, waist[1] + pen.between(0.02, 0.1)];
  return [[...topOfThree(pen, waist), ...belly(pen, low)]];
}

export function flatThree(pen: Pen): Stroke[] {
  const corner = pen.point(pen.between(0.66, 0.84), pen.between(-0.02, 0.06));
  const waist = pen.point(pen.between(0.34, 0.5), pen.between(0.36, 0.46));
  return [[pen.point(0.1, pen.between(0, 0.08)), corner], [corner, waist], belly(pen, waist)];
}

/** The upright of a 4, crossing the bar at `bar`. */
function uprightOfFour(pen: Pen, top: Point, bar: number): Stroke {
  const lean = pen.between(-0.22, 0.03);
  return [top, pen.point(top[0] + lean * 0.4, bar), pen.point(top[0] + lean, pen.between(0.9, 1.1))];
}

export function openFour(pen: Pen): Stroke[] {
  const bar = pen.between(0.42, 0.64);
  const knee = pen.point(pen.between(0.02, 0.18), bar);
  const top = pen.point(pen.between(0.62, 0.84), pen.between(-0.02, 0.22));
  const overshoot = pen.between(-0.02, 0.26);
  return [
    [pen.point(pen.between(0.06, 0.3), pen.between(-0.06, 0.2)), pen.point(0.14, bar * 0.6), knee],
    [
      knee,
      pen.point(0.45, bar + pen.between(-0.05, 0.03)),
      pen.point(top[0] + overshoot, bar + pen.between(-0.08, 0.02)),
    ],
    uprightOfFour(pen, top, bar),
  ];
}

export function cupFour(pen: Pen): Stroke[] {
  const bar = pen.between(0.42, 0.6);
  const top = pen.point(pen.between(0.66, 0.86), pen.between(-0.04, 0.12));
  const joint = pen.point(top[0] - 0.03, bar - pen.between(0, 0.12));
  return [
    [
      pen.point(pen.between(0, 0.26), pen.between(-0.08, 0.14)),
      pen.point(pen.between(0.02, 0.16), bar * 0.62),
      pen.point(0.2, bar - 0.03),
      pen.point(0.42, bar),
      joint,
    ],
    uprightOfFour(pen, top, bar),
  ];
}

export function closedFour(pen: Pen): Stroke[] {
  const bar = pen.between(0.48, 0.68);
  const top = pen.point(pen.between(0.58, 0.76), 0);
  const knee = pen.point(pen.between(0, 0.14), bar);
  const overshoot = pen.between(0.1, 0.34);
  return [
    [[top[0] + pen.between(-0.1, 0.03), top[1]], pen.point((top[0] + knee[0]) / 2, bar * 0.52), knee],
    [
      knee,
      pen.point(0.5, bar + pen.between(-0.03, 0.03)),
      pen.point(top[0] + overshoot, bar + pen.between(-0.06, 0.03)),
    ],
    uprightOfFour(pen, top, bar),
  ];
}
