export { type DownloadOptions, downloadFile } from "./download.js";
export type { CaptionSource } from "./folder-captions.js";
export { idxFileNames, type LabeledSplits, loadIdxFolder } from "./idx-files.js";
export {
  type CaptionedDigitSplits,
  type DigitSource,
  type LoadCaptionedDigitsOptions,
  loadCaptionedDigits,
} from "./load-captioned-digits.js";
export { type ColoredMnist, loadColoredMnist } from "./load-colored-mnist.js";
export { type DigitSplits, type LoadDigitsOptions, loadDigits } from "./load-digits.js";
export {
  type FolderImages,
  type ImageFolderSplits,
  type LoadImageFolderOptions,
  loadImageFolder,
} from "./load-image-folder.js";
export { type LoadMnistOptions, loadMnist, type Mnist } from "./load-mnist.js";
export { type MnistVariant, type MnistVariantSource, mnistVariants } from "./mnist-variants.js";
export type { RemoteFile } from "./remote-file.js";
