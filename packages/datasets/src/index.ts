export { type BatchIndicesOptions, batchIndices } from "./batch-indices.js";
export { type CaptionedDigits, type CaptionedImages, gatherCaptioned } from "./captioned-images.js";
export { captionOf, captionWords, type DigitAttributes, digitWords, parseCaption } from "./captions.js";
export { type ColourDigitsOptions, colourDigits } from "./colour-digits.js";
export { type IdxArray, parseIdx } from "./idx.js";
export { gatherLabelled, joinIdx, type LabelledImages } from "./labelled-images.js";
export { type PaletteColour, palette, paletteIndex, type Shade } from "./palette.js";
export { type ProceduralDigitsOptions, proceduralDigits } from "./procedural-digits.js";
export { splitIndices } from "./splits.js";
