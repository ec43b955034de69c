import { ConfigError, DataError, ShapeError } from "@mmgen/core";
import { movingAverage, type Point, thinOut } from "./smoothing.js";

/** Values and where they stand. */
export interface CurveValues {
  /** Where each value stands, ascending: steps; 1, 2, 3 … by default. */
  readonly x?: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** One curve. */
export interface CurveSeries extends CurveValues {
  readonly label: string;
  /** "steps": many noisy values, drawn faint under their moving average. "points": few, drawn as joined dots. */
  readonly style: "steps" | "points";
}

/** A curve ready to draw. */
export interface PreparedCurve {
  readonly style: "steps" | "points";
  /** The values themselves, thinned out to what a panel can show. */
  readonly raw: readonly Point[];
  /** The moving average, for "steps". */
  readonly smooth: readonly Point[];
}

/** More points than this a panel cannot show. */
const mostPoints = 1200;

/**
 * Checks a series and computes what is drawn of it.
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
  if (!(window >= 1)) {
    throw new ConfigError(`smoothing: expected a number of steps of at least 1, got ${window}.`);
  }
  const smooth = style === "steps" ? thinOut(places(series), movingAverage(y, window), mostPoints) : [];
  return { style, raw, smooth };
}

/** The finite points of a series, thinned out; throws when there are none or the lengths differ. */
export function curvePoints(label: string, values: CurveValues): Point[] {
  const x = places(values);
  const count = values.y.length;
  if (count === 0 || x.length !== count) {
    throw new ShapeError(`series "${label}": expected as many x as y and at least one, got ${x.length} and ${count}.`);
  }
  const points = thinOut(x, values.y, mostPoints);
  if (points.length === 0) {
    throw new DataError(`series "${label}": expected a finite number, but none of its ${count} values is one.`);
  }
  return points;
}

function places({ x, y }: CurveValues): ArrayLike<number> {
  return x ?? Float64Array.from({ length: y.length }, (_, i) => i + 1);
}
