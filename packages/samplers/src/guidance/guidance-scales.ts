import { checkWholeNumber } from "@mmgen/core";
import { type ConfigOf, fields, lazy, number, oneOf, optional, resolveOptions } from "@mmgen/core/options";

/** A guidance scale that changes from the first step to the last. */
export interface GuidanceRamp {
  /** Scale of the first step. */
  readonly from: number;
  /** Scale of the last step. */
  readonly to: number;
  /** Straight line, or half a cosine: slow at both ends. Default: `"linear"`. */
  readonly schedule?: "linear" | "cosine" | undefined;
}

/**
 * Scale of classifier-free guidance, `log p = log p(without) + scale · (log p(with) − log p(without))`, up to a constant: 1
 * has no effect, above 1 strengthens the condition, 0 ignores it. One for all steps, or one that changes with the steps.
 *
 * @see Ho and Salimans 2022, eq. 6, https://arxiv.org/abs/2207.12598
 */
export type GuidanceScale = number | GuidanceRamp;

const constant = number();
const ramp = fields({
  from: number(),
  to: number(),
  schedule: optional(oneOf(["linear", "cosine"]), "linear"),
});

/** Schema of a {@link GuidanceScale}, for the schemas of functions that guide. */
export const guidanceScaleSchema = lazy((input) => (typeof input === "object" && input !== null ? ramp : constant));

/**
 * The guidance scale of each step.
 *
 * With r running evenly from 0 at the first step to 1 at the last, `"linear"` is `from + (to − from) · r` and `"cosine"`
 * `from + (to − from) · (1 − cos(πr)) / 2`. A single step has `from`.
 *
 * @param steps - Number of steps or rounds, at least 0.
 * @returns `[steps]`; yours.
 * @throws a `ConfigError` when the scale or the number of steps is not valid.
 */
export function guidanceScales(scale: GuidanceScale, steps: number): Float32Array {
  const resolved = resolveOptions(guidanceScaleSchema, scale, { path: "scale" });
  checkWholeNumber("steps", steps, { min: 0 });
  if (typeof resolved === "number") {
    return new Float32Array(steps).fill(resolved);
  }
  const { from, to, schedule } = resolved;
  const scales = new Float32Array(steps);
  for (let step = 0; step < steps; step++) {
    const share = steps > 1 ? step / (steps - 1) : 0;
    // Weighted this way, the last scale is `to` exactly.
    const weight = schedule === "linear" ? share : (1 - Math.cos(Math.PI * share)) / 2;
    scales[step] = from * (1 - weight) + to * weight;
  }
  return scales;
}

/** Whether guidance with this scale changes nothing. */
export function isNeutralScale(scale: ConfigOf<typeof guidanceScaleSchema>): boolean {
  return typeof scale === "number" ? scale === 1 : scale.from === 1 && scale.to === 1;
}
