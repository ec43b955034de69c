import type { Random } from "@mmgen/core";

/** A point in a digit's drawing box: x to the right, y down, the box about 1 high. */
export type Point = readonly [x: number, y: number];

/** Points that a pen passes in one smooth line. */
export type Stroke = readonly Point[];

/** The unsteady hand that draws an allograph: the source of all its randomness. */
export class Pen {
  readonly #random: Random;
  readonly #unsteadiness: number;

  /** @param unsteadiness - Standard deviation of a point's place, in heights of the drawing box. */
  constructor(random: Random, unsteadiness: number) {
    this.#random = random;
    this.#unsteadiness = unsteadiness;
  }

  /** A number drawn uniformly from `[low, high)`. */
  between(low: number, high: number): number {
    return low + (high - low) * this.#random.uniform();
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random.uniform() < probability;
  }

  /** A point near (x, y). */
  point(x: number, y: number): Point {
    return [x + this.#unsteadiness * this.#random.normal(), y + this.#unsteadiness * this.#random.normal()];
  }

  /**
   * Points of an elliptical arc, clockwise on the page for a growing angle; 0° points right, 90° down.
   *
   * @param drift - Share by which the radius grows from start to end, so that a loop need not close.
   */
  arc(
    center: Point,
    radii: readonly [x: number, y: number],
    degrees: readonly [from: number, to: number],
    drift = 0,
  ): Point[] {
    const [radiusX, radiusY] = radii;
    const [fromDegrees, toDegrees] = degrees;
    const count = Math.max(3, Math.ceil(Math.abs(toDegrees - fromDegrees) / 40) + 1);
    const points: Point[] = [];
    for (let i = 0; i < count; i++) {
      const share = i / (count - 1);
      const angle = ((fromDegrees + (toDegrees - fromDegrees) * share) * Math.PI) / 180;
      const grown = 1 + drift * share;
      points.push(
        this.point(center[0] + radiusX * grown * Math.cos(angle), center[1] + radiusY * grown * Math.sin(angle)),
      );
    }
    return points;
  }
}
