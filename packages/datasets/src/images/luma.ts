/**
 * The gray level of a color: its luma with Rec. 601's weights, as JPEG, PIL and most data sets of gray images have it;
 * exactly the level where all three are the same.
 *
 * @see https://www.itu.int/rec/R-REC-BT.601
 */
export function luma(red: number, green: number, blue: number): number {
  return red === green && green === blue ? red : 0.299 * red + 0.587 * green + 0.114 * blue;
}
