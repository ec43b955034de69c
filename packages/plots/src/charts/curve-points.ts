import { ConfigError, DataError, ShapeError } from "@mmgen/core";
import { fields, listOf, type OptionsOf, oneOf, optional, text } from "@mmgen/core/options";
import { numbers } from "../svg/figure-options.js";

/** Fields of {@link CurveValues}. */
export const curveValueFields = {
  /** Place of each value, ascending: steps; 1, 2, 3 … by default. */
  x: optional(numbers),
  y: numbers,
};

const curveSeriesSchema = fields({
  label: text(),
  /** "steps": many noisy values, drawn faint under their moving average. "points": few, drawn as joined dots. */
  style: oneOf(["steps", "points"]),
  ...curveValueFields,
});

/** Fields of a panel that hold curves: see `CurvePanel`. */
export const curveSeriesList = listOf(curveSeriesSchema, { minLength: 1 });

/** Values and their places. */
export interface CurveValues {
  /** Place of each value, ascending: steps; 1, 2, 3 … by default. */
  readonly x?: ArrayLike<number> | undefined;
  readonly y: ArrayLike<number>;
}

/** One curve. */
export type CurveSeries = OptionsOf<typeof curveSeriesSchema>;

/** A curve ready to draw. */
export interface PreparedCurve {
  readonly style: "steps" | "points";
  /** The values, thinned out to the resolution of a panel. */
  readonly raw: readonly Point[];
  /** The moving average, for "steps". */
  readonly smooth: readonly Point[];
}

/** A panel cannot show more points than this. */
const maxPoints = 1200;

/**
 * Checks a series and computes the points to draw.
 *
 * @param smoothing - Steps that the moving average spans; a fiftieth of the series by default.
 */
export function prepareCurve(series: CurveSeries, scale: "linear" | "log", smoothing?: number): PreparedCurve {
  const { label, style, y } = series;
  const raw = curvePoints(label, series);
  if (scale === "log" && raw.some((point) => point.y <= 0)) {
    throw new ConfigError(`series "${label}": a logarithmic scale needs values above 0; use scale "linear".`);
  }
  const window = smoothing ?? Math.max(1, Math.round(y.length / 50));
  const smooth = style === "steps" ? thinOut(placesOf(series), movingAverage(y, window), maxPoints) : [];
  return { style, raw, smooth };
}

/** Returns the finite points of a series, thinned out; throws when there are none or the lengths differ. */
export function curvePoints(label: string, values: CurveValues): Point[] {
  const x = placesOf(values);
  const count = values.y.length;
  if (count === 0 || x.length !== count) {
    throw new ShapeError(`series "${label}": expected as many x as y and at least one, got ${x.length} and ${count}.`);
  }
  const points = thinOut(x, values.y, maxPoints);
  if (points.length === 0) {
    throw new DataError(`series "${label}": expected a finite number, but none of its ${count} values is one.`);
  }
  return points;
}

function placesOf({ x, y }: CurveValues): ArrayLike<number> {
  return x ?? Float64Array.from({ length: y.length }, (_, i) => i + 1);
}

/**
 * Computes a centered moving average that ignores values which are not finite.
 *
 * At the start the window shrinks on both sides alike, so that the steep start of a training curve is neither flattened
 * nor shifted; at the end, where curves are flat and noisy, it shrinks on one side.
 *
 * @param values - One for each step; borrowed.
 * @param window - How many steps it spans, at least 1.
 * @returns As many values; NaN where a window holds nothing finite.
 */
export function movingAverage(values: ArrayLike<number>, window: number): Float64Array {
  const sums = new Float64Array(values.length + 1);
  const counts = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) {
    const counted = Number.isFinite(values[i]);
    sums[i + 1] = sums[i]! + (counted ? values[i]! : 0);
    counts[i + 1] = counts[i]! + (counted ? 1 : 0);
  }
  const half = Math.floor((window - 1) / 2);
  return Float64Array.from({ length: values.length }, (_, i) => {
    const reach = Math.min(half, i);
    const [start, end] = [i - reach, Math.min(i + reach, values.length - 1) + 1];
    return (sums[end]! - sums[start]!) / (counts[end]! - counts[start]!);
  });
}

/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Reduces a curve to at most about `limit` points that look the same: the lowest and highest value of each stretch.
 *
 * Points that are not finite are left out.
 */
export function thinOut(x: ArrayLike<number>, y: ArrayLike<number>, limit: number): Point[] {
  const finite: Point[] = [];
  for (let i = 0; i < y.length; i++) {
    if (Number.isFinite(x[i]) && Number.isFinite(y[i])) {
      finite.push({ x: x[i]!, y: y[i]! });
    }
  }
  if (finite.length <= limit) {
    return finite;
  }
  const stretches = Math.floor(limit / 2);
  const thinned: Point[] = [];
  for (let i = 0; i < stretches; i++) {
    const start = Math.floor((i * finite.length) / stretches);
    const end = Math.floor(((i + 1) * finite.length) / stretches);
    let [low, high] = [start, start];
    for (let j = start; j < end; j++) {
      low = finite[j]!.y < finite[low]!.y ? j : low;
      high = finite[j]!.y > finite[high]!.y ? j : high;
    }
    for (const j of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
      thinned.push(finite[j]!);
    }
  }
  return thinned;
}

/** Smallest and largest of some numbers; `[Infinity, -Infinity]` of none. */
export function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
