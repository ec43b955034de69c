import type { Pen, Point } from "./pen.js";

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
