import { sliceImages } from "@mmgen/core";
import { colorDigits, proceduralDigits } from "@mmgen/datasets";
import { keptAside } from "./kept-aside.js";
import type { TrainingData } from "./training-plan.js";

const count = 3000;
const heldCount = 8;

/** Handwritten-looking digits in two colors, with captions such as "dark green eight on light pink". */
export function digitsData(seed: number): TrainingData {
  const { captions, images } = colorDigits(proceduralDigits({ count: count + heldCount, seed }), { seed });
  return {
    images: sliceImages(images, 0, count),
    // The data set that the captions follow spells it otherwise.
    captions: captions.slice(0, count).map((caption) => caption.replace("eigth", "eight")),
    held: keptAside(images, count),
  };
}
