/** The loss of a step. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

/** The two trainings of a model, in their order. */
export const trainingStages = ["vqvae", "transformer"] as const;
export type TrainingStage = (typeof trainingStages)[number];

/** Every step's loss so far. */
export type LossCurves = Readonly<Record<TrainingStage, readonly LossPoint[]>>;

/** A curve as it is drawn: steps grow to the right, losses upwards. */
export interface CurveShape {
  /** An SVG path through every loss, thinned where there are more than can be seen. */
  readonly every: string;
  /** An SVG path through running means. */
  readonly smooth: string;
  /** Losses at the lower and the upper edge. */
  readonly range: readonly [low: number, high: number];
}

/** Points drawn at most. */
const maxPoints = 240;

/**
 * Scales a curve into a box.
 *
 * @param points - At least one, by step.
 * @param box - In units of the drawing; `steps` is the last step that fits.
 */
export function curveShape(
  points: readonly LossPoint[],
  { height, steps, width }: { readonly height: number; readonly steps: number; readonly width: number },
): CurveShape {
  const means = thin(runningMeans(points));
  const every = thin(points);
  // The first steps fall from far above; they may leave the box, or nothing else could be told apart.
  const sorted = points.map(({ loss }) => loss).sort((a, b) => a - b);
  const high = Math.max(sorted[Math.floor(0.98 * (sorted.length - 1))]!, means.at(-1)!.loss);
  const low = sorted[0]!;
  const range = [low, high > low ? high : low + 1] as const;
  const path = (line: readonly LossPoint[]) =>
    line
      .map(({ loss, step }, i) => {
        const x = ((step - 1) / Math.max(1, steps - 1)) * width;
        const share = Math.min(1, Math.max(0, (loss - range[0]) / (range[1] - range[0])));
        return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${((1 - share) * height).toFixed(1)}`;
      })
      .join("");
  return { every: path(every), smooth: path(means), range };
}

/** Means over the last twentieth of the steps so far. */
function runningMeans(points: readonly LossPoint[]): LossPoint[] {
  let sum = 0;
  let first = 0;
  return points.map(({ loss, step }, i) => {
    sum += loss;
    const length = Math.max(1, Math.floor((i + 1) / 20));
    while (i + 1 - first > length) {
      sum -= points[first]!.loss;
      first++;
    }
    return { step, loss: sum / (i + 1 - first) };
  });
}

/** Means of as many neighbors as leave few enough points. */
function thin(points: readonly LossPoint[]): LossPoint[] {
  const each = Math.ceil(points.length / maxPoints);
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i) => {
    const group = points.slice(i * each, (i + 1) * each);
    return { step: group.at(-1)!.step, loss: group.reduce((sum, { loss }) => sum + loss, 0) / group.length };
  });
}

/** A time span as people say it. */
export function timeSpan(seconds: number): string {
  if (seconds < 90) {
    return `${Math.max(1, Math.round(seconds))} s`;
  }
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
