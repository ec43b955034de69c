import type { Pen, Point, Stroke } from "./pen.js";

/** One way of writing a digit, redrawn a little differently at every call. */
export type Allograph = (pen: Pen) => Stroke[];

/** The ways of writing each digit, `[10]`, each with its share among them. */
export const allographs: readonly (readonly (readonly [share: number, draw: Allograph])[])[] = [
  [[1, zero]],
  [
    [0.74, barOne],
    [0.14, flaggedOne],
    [0.12, basedOne],
  ],
  [
    [0.55, cornerTwo],
    [0.45, loopedTwo],
  ],
  [
    [0.66, roundThree],
    [0.2, loopedThree],
    [0.14, flatThree],
  ],
  [
    [0.5, openFour],
    [0.32, cupFour],
    [0.18, closedFour],
  ],
  [
    [0.55, cappedFive],
    [0.45, flowingFive],
  ],
  [
    [0.7, roundSix],
    [0.3, straightSix],
  ],
  [
    [0.47, plainSeven],
    [0.28, barredSeven],
    [0.25, hookedSeven],
  ],
  [
    [0.75, crossedEight],
    [0.25, stackedEight],
  ],
  [
    [0.55, straightNine],
    [0.2, curvedNine],
    [0.25, flowingNine],
  ],
];

function zero(pen: Pen): Stroke[] {
  const start = pen.between(-150, -30);
  const sweep = 360 + pen.between(-25, 45);
  const direction = pen.chance(0.85) ? -1 : 1;
  return [
    pen.arc([0.5, 0.5], pen.between(0.26, 0.58), 0.5, start, start + direction * sweep, pen.between(-0.18, 0.12)),
  ];
}

function barOne(pen: Pen): Stroke[] {
  const bow = pen.between(-0.04, 0.04);
  return [[pen.point(0.5, 0), pen.point(0.5 + bow, 0.5), pen.point(0.5, 1)]];
}

function flaggedOne(pen: Pen): Stroke[] {
  const top = pen.point(0.55, 0);
  const flag = pen.point(0.55 - pen.between(0.1, 0.3), pen.between(0.1, 0.3));
  return [
    [flag, top],
    [top, pen.point(0.54, 0.5), pen.point(0.54, 1)],
  ];
}

function basedOne(pen: Pen): Stroke[] {
  const foot = pen.point(0.5, 1);
  const half = pen.between(0.18, 0.34);
  const upright = pen.chance(0.7) ? flaggedOne(pen) : barOne(pen);
  return [...upright, [pen.point(foot[0] - half, 1), foot, pen.point(foot[0] + half, pen.between(0.95, 1.02))]];
}

/** The bow of a 2, from its left tip over the top and down towards the lower left. */
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

function cornerTwo(pen: Pen): Stroke[] {
  const foot = pen.point(pen.between(-0.1, 0.22), pen.between(0.92, 1));
  const end = pen.point(pen.between(0.7, 1.2), pen.between(0.84, 1.06));
  const sag = pen.between(-0.06, 0.05);
  return [bowOfTwo(pen, foot), [foot, pen.point((foot[0] + end[0]) / 2, (foot[1] + end[1]) / 2 + sag), end]];
}

function loopedTwo(pen: Pen): Stroke[] {
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

/** The bottom bow of a 3 or a capped 5, from (x, y) round the right to the lower left. */
function belly(pen: Pen, start: Point): Point[] {
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

function roundThree(pen: Pen): Stroke[] {
  const waist = pen.point(pen.between(0.16, 0.52), pen.between(0.38, 0.52));
  return [topOfThree(pen, waist), belly(pen, waist)];
}

function loopedThree(pen: Pen): Stroke[] {
  const waist = pen.point(pen.between(0.28, 0.44), pen.between(0.44, 0.54));
  const low: Point = [waist[0] + 0.02, waist[1] + pen.between(0.02, 0.1)];
  return [[...topOfThree(pen, waist), ...belly(pen, low)]];
}

function flatThree(pen: Pen): Stroke[] {
  const corner = pen.point(pen.between(0.66, 0.84), pen.between(-0.02, 0.06));
  const waist = pen.point(pen.between(0.34, 0.5), pen.between(0.36, 0.46));
  return [[pen.point(0.1, pen.between(0, 0.08)), corner], [corner, waist], belly(pen, waist)];
}

/** The upright of a 4, crossing the bar at `bar`. */
function uprightOfFour(pen: Pen, top: Point, bar: number): Stroke {
  const lean = pen.between(-0.22, 0.03);
  return [top, pen.point(top[0] + lean * 0.4, bar), pen.point(top[0] + lean, pen.between(0.9, 1.1))];
}

function openFour(pen: Pen): Stroke[] {
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

function cupFour(pen: Pen): Stroke[] {
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

function closedFour(pen: Pen): Stroke[] {
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

function cappedFive(pen: Pen): Stroke[] {
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

function flowingFive(pen: Pen): Stroke[] {
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

function roundSix(pen: Pen): Stroke[] {
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

function straightSix(pen: Pen): Stroke[] {
  const radius = pen.between(0.16, 0.3);
  const centre: Point = [pen.between(0.34, 0.46), 1 - radius];
  const loop = pen.arc(centre, pen.between(0.2, 0.34), radius, 190, -150 + pen.between(-60, 60));
  return [[pen.point(pen.between(0.2, 0.5), 0), pen.point(pen.between(0.1, 0.24), 0.4), ...loop]];
}

/** The slope of a 7 from its upper right corner to its foot. */
function slopeOfSeven(pen: Pen, corner: Point): Stroke {
  const foot = pen.point(pen.between(0.26, 0.72), 1);
  const bow = pen.between(-0.1, 0.05);
  return [corner, pen.point((corner[0] + foot[0]) / 2 + bow, pen.between(0.45, 0.55)), foot];
}

function plainSeven(pen: Pen): Stroke[] {
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

function barredSeven(pen: Pen): Stroke[] {
  const strokes = plainSeven(pen);
  const height = pen.between(0.4, 0.58);
  const middle = pen.between(0.52, 0.6);
  const half = pen.between(0.16, 0.3);
  return [
    ...strokes,
    [pen.point(middle - half, height + 0.02), pen.point(middle + half, height - pen.between(-0.02, 0.06))],
  ];
}

function hookedSeven(pen: Pen): Stroke[] {
  const left = pen.between(-0.02, 0.14);
  const corner = pen.point(pen.between(0.72, 0.94), pen.between(0, 0.1));
  const peak = pen.point(left + 0.06, pen.between(0, 0.08));
  return [
    [pen.point(left, pen.between(0.18, 0.36)), peak],
    [peak, pen.point(0.45, pen.between(0.02, 0.1)), corner],
    slopeOfSeven(pen, corner),
  ];
}

function crossedEight(pen: Pen): Stroke[] {
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

function stackedEight(pen: Pen): Stroke[] {
  const waist = pen.between(0.42, 0.54);
  const start = pen.between(-140, -40);
  const upper = pen.arc([0.5, waist / 2], pen.between(0.18, 0.3), waist / 2, start, start - 360 + pen.between(-20, 20));
  const from = pen.between(-130, -50);
  const lower = pen.arc(
    [pen.between(0.46, 0.54), (1 + waist) / 2],
    pen.between(0.22, 0.36),
    (1 - waist) / 2,
    from,
    from + 360 + pen.between(-20, 20),
  );
  return [upper, lower];
}

/** The loop of a 9, drawn from its upper right against the clock and back towards `joint`, where the stem begins. */
function loopOfNine(pen: Pen, joint: Point): Point[] {
  const radiusX = pen.between(0.18, 0.36);
  const radiusY = pen.between(0.16, 0.29);
  const centre: Point = [joint[0] - radiusX * pen.between(0.75, 1.05), radiusY];
  const start = pen.between(-75, -5);
  return pen.arc(centre, radiusX, radiusY, start, start - pen.between(290, 370));
}

function straightNine(pen: Pen): Stroke[] {
  const joint = pen.point(pen.between(0.66, 0.84), pen.between(0.02, 0.3));
  const foot = pen.point(joint[0] - pen.between(-0.08, 0.3), 1);
  const bow = pen.between(-0.03, 0.05);
  return [loopOfNine(pen, joint), [joint, pen.point((joint[0] + foot[0]) / 2 + bow, 0.55), foot]];
}

function curvedNine(pen: Pen): Stroke[] {
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

function flowingNine(pen: Pen): Stroke[] {
  const joint = pen.point(pen.between(0.6, 0.78), pen.between(0.24, 0.44));
  const foot = pen.point(joint[0] - pen.between(-0.04, 0.3), 1);
  const loop = loopOfNine(pen, joint);
  return [[...loop, joint, pen.point((joint[0] + foot[0]) / 2, 0.7), foot]];
}
