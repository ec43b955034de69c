import { Parameter, rotaryTable2d } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { GridOptions, TransformerConfig } from "./transformer-config.js";

/** Constant tables of position encodings, `contextLength` rows each, float32; none for learned positions. */
export interface PositionTables {
  /** `[contextLength, width]`, added to the embeddings. */
  readonly sinusoidal?: Parameter;
  /** `[contextLength, headWidth / 2]` each; queries and keys are rotated by them. */
  readonly cosine?: Parameter;
  readonly sine?: Parameter;
}

/** Declares the tables for the position encoding of the configuration. */
export function positionTables(config: TransformerConfig): PositionTables {
  const { positions, contextLength, width, heads } = config;
  if (positions === "learned") {
    return {};
  }
  if (positions === "rotary-2d") {
    return planeTables(config);
  }
  const pairs = (positions === "sinusoidal" ? width : width / heads) / 2;
  const table = (...functions: ((angle: number) => number)[]) =>
    new Parameter({
      shape: [contextLength, functions.length * pairs],
      role: "constant",
      initial: (shape) => {
        const values = new Float32Array(contextLength * functions.length * pairs);
        for (let i = 0; i < values.length; i++) {
          const position = Math.floor(i / (functions.length * pairs));
          const column = i % (functions.length * pairs);
          const angle = position / 10_000 ** ((column % pairs) / pairs);
          values[i] = functions[Math.floor(column / pairs)]!(angle);
        }
        return tf.tensor(values, [...shape]);
      },
    });
  // All sines, then all cosines, instead of alternating: a fixed permutation of the channels.
  return positions === "sinusoidal"
    ? { sinusoidal: table(Math.sin, Math.cos) }
    : { cosine: table(Math.cos), sine: table(Math.sin) };
}

/** Tables of rotations by the places of {@link planePlaces}. */
function planeTables({ contextLength, width, heads, grid }: TransformerConfig): PositionTables {
  const headWidth = width / heads;
  const table = (part: "cos" | "sin") =>
    new Parameter({
      shape: [contextLength, headWidth / 2],
      role: "constant",
      initial: () => rotaryTable2d({ ...planePlaces(contextLength, grid!), headWidth })[part],
    });
  return { cosine: table("cos"), sine: table("sin") };
}

/**
 * Row and column of each position for rotations on a plane.
 *
 * An image's code in row r and column c has row `start + r` and column `start + c`; other positions lie on the diagonal,
 * those after the image from `start + max(height, width)` on. So no two positions share a place, text positions differ by
 * their distance as with one axis, and codes by their rows and columns.
 *
 * @see Wang et al. 2024, section 2.1 (M-RoPE), https://arxiv.org/abs/2409.12191
 */
export function planePlaces(
  contextLength: number,
  { height, width, start }: GridOptions,
): { readonly rows: number[]; readonly columns: number[] } {
  const size = height * width;
  const place = (position: number, within: (code: number) => number) =>
    position < start
      ? position
      : position < start + size
        ? start + within(position - start)
        : position - size + Math.max(height, width);
  const places = (within: (code: number) => number) =>
    Array.from({ length: contextLength }, (_, position) => place(position, within));
  return { rows: places((code) => Math.floor(code / width)), columns: places((code) => code % width) };
}

/**
 * Rotary position embedding: rotates each pair of values `i` and `i + headWidth / 2` by the angle of the position.
 *
 * @param x - `[batch, heads, time, headWidth]`; borrowed.
 * @param cosine - `[time, headWidth / 2]`; borrowed.
 * @param sine - As `cosine`.
 * @returns Shaped as `x`; yours to dispose.
 * @see Su et al. 2021, https://arxiv.org/abs/2104.09864
 */
export function rotate(x: tf.Tensor, cosine: tf.Tensor, sine: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
    return tf.concat(
      [tf.sub(tf.mul(first, cosine), tf.mul(second, sine)), tf.add(tf.mul(second, cosine), tf.mul(first, sine))],
      -1,
    );
  });
}
