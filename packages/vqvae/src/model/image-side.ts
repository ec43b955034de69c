import { fields, lazy, pipe, transform, wholeNumber } from "@mmgen/core/options";
import type { Grid } from "../networks/network.js";

const pixels = wholeNumber({ min: 1 });
const sides = fields({
  /** Rows of an image. */
  height: pixels,
  /** Columns of an image. */
  width: pixels,
});

/** Schema of an image's side, or of both of its sides; equal ones become one number. */
export const imageSideSchema = pipe(
  lazy((side): typeof sides | typeof pixels => (typeof side === "object" && side !== null ? sides : pixels)),
  transform((side): number | Grid => (typeof side === "object" && side.height === side.width ? side.height : side)),
);

/** Height and width of images with the given side or sides. */
export function sidesOf(imageSide: number | Grid): Grid {
  return typeof imageSide === "number" ? { height: imageSide, width: imageSide } : imageSide;
}
