import type { Random } from "@mmgen/core";

/** A point of a digit's drawing box: x to the right, y down, the box about 1 high. */
export type Point = readonly [x: number, y: number];

/** Points that a pen passes smoothly without being lifted. */
export type Stroke = readonly Point[];

/** The unsteady hand that draws an allograph: all its randomness passes through here. */
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
   * @param drift - How much of the radius is gained from start to end, so that closed loops may miss themselves.
   */
  arc(center: Point, radiusX: number, radiusY: number, fromDegrees: number, toDegrees: number, drift = 0): Point[] {
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
