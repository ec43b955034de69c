export { avatarAttributes, avatarCaption, avatarWords } from "./avatars/avatar-captions.js";
export type { DiceBearOptions } from "./avatars/avatar-parts.js";
export { type AvatarPlan, type AvatarSplit, avatarAttribution, planAvatar } from "./avatars/plan-avatar.js";
export {
  type AttributedImages,
  type CaptionedDigits,
  type CaptionedImages,
  gatherCaptioned,
} from "./captions/captioned-images.js";
export { celebaAttributes, celebaCaptions } from "./captions/celeba-captions.js";
export { captionOf, captionWords, type DigitAttributes, digitWords, parseCaption } from "./captions/digit-captions.js";
export { captionClasses, gatherLabeled, type LabeledImages } from "./captions/labeled-images.js";
export { type PaletteColor, palette, paletteIndex, type Shade } from "./captions/palette.js";
export { type ColorDigitsOptions, colorDigits } from "./digits/color-digits.js";
export { type ProceduralDigitsOptions, proceduralDigits } from "./digits/procedural-digits.js";
export { type ImageSplits, parseColoredMnist, parseColoredMnistWithText } from "./mnist/colored-mnist.js";
export { type IdxArray, joinIdx, parseIdx } from "./mnist/idx.js";
export type { PickleValue } from "./pickle/check-plain-value.js";
export { parsePickle } from "./pickle/parse-pickle.js";
export { PickledArray } from "./pickle/pickled-array.js";
export { type BatchIndicesOptions, batchIndices } from "./splits/batch-indices.js";
export { splitIndices } from "./splits/split-indices.js";
