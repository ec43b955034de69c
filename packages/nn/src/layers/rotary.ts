import { ConfigError, describeValue, ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expectShape } from "../functions/expect-shape.js";
import { customGradient } from "../transforms/custom-gradient.js";

/** Cosine and sine of the angles by which {@link rotary} turns pairs of values, `[positions, headWidth / 2]` each. */
export interface RotaryTable {
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
}

/** Options of {@link rotaryTable2d}. */
export interface RotaryTable2dOptions {
  /** Row of each position. */
  readonly rows: readonly number[];
  /** Column of each position. */
  readonly columns: readonly number[];
  /** Length of a query or key, divisible by 4. */
  readonly headWidth: number;
  /** Turns from pair to pair get slower up to this factor; 10 000 when absent. */
  readonly base?: number;
}

/**
 * Rotary position embedding: turns each pair of values of a query or key by an angle of its position, so that products of
 * queries and keys depend on differences of positions.
 *
 * Value i is paired with value i + headWidth/2: (a, b) → (a cos − b sin, b cos + a sin). The gradient turns back.
 *
 * @param x - `[batch, heads, positions, headWidth]`, float32; borrowed.
 * @param table - One row a position; borrowed, and not differentiated.
 * @returns Shaped as `x`; yours to dispose.
 * @throws a {@link ShapeError} when the shapes do not fit.
 * @see Su et al. 2021, section 3.2.2, https://arxiv.org/abs/2104.09864
 */
export function rotary(x: tf.Tensor, { cos, sin }: RotaryTable): tf.Tensor {
  expectShape("rotary: x", x, ["batch", "heads", "positions", "headWidth"]);
  const [positions, width] = x.shape.slice(2) as [number, number];
  if (width % 2 !== 0) {
    throw new ShapeError(`rotary: expected x to end in pairs of values, got [${x.shape.join(", ")}].`);
  }
  expectShape("rotary: cos", cos, [positions, width / 2]);
  expectShape("rotary: sin", sin, [positions, width / 2]);
  return customGradient([x], {
    forward: (x) => ({ value: turned(x, cos, tf.neg(sin), sin), saved: [cos, sin] }),
    gradient: (dy, [cos, sin]) => [tf.tidy(() => turned(dy, cos, sin, tf.neg(sin)))],
  });
}

/** x · [cos, cos] + (x with its halves exchanged) · [first, second]: two products, not four. */
function turned(x: tf.Tensor, cos: tf.Tensor, first: tf.Tensor, second: tf.Tensor): tf.Tensor {
  const [a, b] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
  const exchanged = tf.concat([b, a], -1);
  return tf.add(tf.mul(x, tf.concat([cos, cos], -1)), tf.mul(exchanged, tf.concat([first, second], -1)));
}

/**
 * The table of {@link rotary} for places on a plane: half of the pairs turn by row, half by column.
 *
 * Pair j of headWidth/4 turns by row · base^(−4j/headWidth), the pairs after them by column alike. Made on the host: keep
 * one where many steps need it.
 *
 * @returns Yours to dispose.
 * @throws a {@link ConfigError} when there are not as many rows as columns, or the width is not divisible by 4.
 * @see Heo et al. 2024, section 3.2 (axial frequencies), https://arxiv.org/abs/2403.13298
 */
export function rotaryTable2d({ rows, columns, headWidth, base = 10_000 }: RotaryTable2dOptions): RotaryTable {
  if (!(Number.isSafeInteger(headWidth) && headWidth > 0 && headWidth % 4 === 0)) {
    throw new ConfigError(`rotaryTable2d: expected headWidth to be divisible by 4, got ${describeValue(headWidth)}.`);
  }
  if (rows.length !== columns.length) {
    throw new ConfigError(`rotaryTable2d: expected as many columns as the ${rows.length} rows, got ${columns.length}.`);
  }
  if (!(base > 0)) {
    throw new ConfigError(`rotaryTable2d: expected a base above 0, got ${describeValue(base)}.`);
  }
  const frequencies = Array.from({ length: headWidth / 4 }, (_, j) => base ** ((-4 * j) / headWidth));
  const angles = rows.flatMap((row, i) => [row, columns[i]!].flatMap((place) => frequencies.map((f) => place * f)));
  const tableOf = (fn: (angle: number) => number) =>
    tf.tensor2d(Float32Array.from(angles, fn), [rows.length, headWidth / 2]);
  return { cos: tableOf(Math.cos), sin: tableOf(Math.sin) };
}
