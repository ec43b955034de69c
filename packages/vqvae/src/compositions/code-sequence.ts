import { type CodeLayout, ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";

/** An image's codes: those of the composition and those of the quantizer. */
export interface CodeParts {
  /** Of the palette, `[batch, paletteCodes]`, int32; absent where there are none. */
  readonly colors?: tf.Tensor2D;
  /** The quantizer's, `[batch, gridCodes]`, int32. */
  readonly grid: tf.Tensor2D;
}

/** Codes of the palette and of the grid as one sequence; results belong to the surrounding `tf.tidy`. */
export interface CodeSequence {
  /** Number of distinct codes. */
  readonly size: number;
  compose(parts: CodeParts): tf.Tensor2D;
  /** The inverse, of any codes in [0, size): one that cannot stand at its position is read as the nearest that can. */
  decompose(codes: tf.Tensor2D): CodeParts;
}

/** A model of code sequences has a row of weights for each code, so there should not be more. */
const maxCodes = 2 ** 16;

/** Creates the sequence of a layout; throws {@link ConfigError} where the colors find no room. */
export function codeSequence(layout: CodeLayout): CodeSequence {
  if (layout.paletteCodes === 0) {
    return { size: layout.codebookSize, compose: ({ grid }) => grid, decompose: (grid) => ({ grid }) };
  }
  if (layout.palettePlace === "before") {
    return colorsBefore(layout);
  }
  const { codesPerImage, paletteCodes, paletteSize, codebookSize } = layout;
  if (codesPerImage < paletteCodes) {
    throw new ConfigError(
      `composition.palettePlace: ${paletteCodes} colors within a grid of ${codesPerImage} codes; expected at least one ` +
        'code for each. Take fewer stages, or "before".',
    );
  }
  if (paletteSize * codebookSize > maxCodes) {
    throw new ConfigError(
      `composition.palettePlace: ${paletteSize} colors within ${codebookSize} codes make ${paletteSize * codebookSize}; ` +
        `expected at most ${maxCodes}. Take a smaller codebook, fewer palette levels, or "before".`,
    );
  }
  return colorsWithin(layout);
}

/** Colors, then the grid; the grid's codes count on from the palette's. */
function colorsBefore({ paletteCodes, paletteSize, codebookSize }: CodeLayout): CodeSequence {
  return {
    size: paletteSize + codebookSize,
    compose: ({ colors, grid }) => tf.concat2d([colors!, tf.add<tf.Tensor2D>(grid, int32(paletteSize))], 1),
    decompose(codes) {
      const [colors, grid] = splitAt(codes, paletteCodes);
      return { colors: clipped(colors, paletteSize), grid: clipped(tf.sub(grid, int32(paletteSize)), codebookSize) };
    },
  };
}

/** The grid alone, whose first codes are color · codebookSize + the grid's own. */
function colorsWithin({ paletteCodes, paletteSize, codebookSize }: CodeLayout): CodeSequence {
  return {
    size: paletteSize * codebookSize,
    compose({ colors, grid }) {
      const [first, others] = splitAt(grid, paletteCodes);
      return tf.concat2d([tf.add<tf.Tensor2D>(first, tf.mul(colors!, int32(codebookSize))), others], 1);
    },
    decompose(codes) {
      const [first, others] = splitAt(codes, paletteCodes);
      const colors = tf.floorDiv<tf.Tensor2D>(first, int32(codebookSize));
      const own = tf.sub<tf.Tensor2D>(first, tf.mul(colors, int32(codebookSize)));
      return { colors, grid: tf.concat2d([own, clipped(others, codebookSize)], 1) };
    },
  };
}

const int32 = (value: number): tf.Scalar => tf.scalar(value, "int32");

function splitAt(codes: tf.Tensor2D, place: number): [tf.Tensor2D, tf.Tensor2D] {
  return [tf.slice(codes, [0, 0], [-1, place]), tf.slice(codes, [0, place])];
}

function clipped(codes: tf.Tensor2D, size: number): tf.Tensor2D {
  return tf.minimum(tf.maximum(codes, int32(0)), int32(size - 1));
}
