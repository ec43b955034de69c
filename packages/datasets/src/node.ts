export { type AvatarSplits, type LoadAvatarsOptions, loadAvatars } from "./avatars/load-avatars.js";
export { avatarAttribution } from "./avatars/plan-avatar.js";
export {
  type CaptionedDigitSplits,
  type DigitSource,
  type LoadCaptionedDigitsOptions,
  loadCaptionedDigits,
} from "./digits/load-captioned-digits.js";
export { type DigitSplits, type LoadDigitsOptions, loadDigits } from "./digits/load-digits.js";
export { type DownloadOptions, downloadFile, type RemoteFile } from "./download/download-file.js";
export { type CaptionSource, captionSources } from "./folders/folder-captions.js";
export {
  type FolderImages,
  type ImageFolderSplits,
  type LoadImageFolderOptions,
  loadImageFolder,
} from "./folders/load-image-folder.js";
export { decodeImages, type ImageShape, type ReadImagesOptions, readImages } from "./folders/read-images.js";
export { usualImageSide } from "./folders/usual-image-side.js";
export { type ColoredMnist, loadColoredMnist } from "./mnist/load-colored-mnist.js";
export { idxFileNames, type LabeledSplits, loadIdxFolder } from "./mnist/load-idx-folder.js";
export { type LoadMnistOptions, loadMnist, type Mnist } from "./mnist/load-mnist.js";
export { type MnistVariant, type MnistVariantSource, mnistVariants } from "./mnist/mnist-variants.js";
