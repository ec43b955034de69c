import type { Pen, Stroke } from "./pen.js";
import {
  barredSeven,
  cappedFive,
  crossedEight,
  curvedNine,
  flowingFive,
  flowingNine,
  hookedSeven,
  plainSeven,
  roundSix,
  stackedEight,
  straightNine,
  straightSix,
} from "./strokes-five-to-nine.js";
import {
  barOne,
  basedOne,
  closedFour,
  cornerTwo,
  cupFour,
  flaggedOne,
  flatThree,
  loopedThree,
  loopedTwo,
  openFour,
  roundThree,
  zero,
} from "./strokes-zero-to-four.js";

/** One way of writing a digit; every call draws it a little differently. */
export type Allograph = (pen: Pen) => Stroke[];

/** The ways of writing each digit, `[10]`, each with its probability. */
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
