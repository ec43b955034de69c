import { digitWords } from "../captions/digit-captions.js";
import type { RemoteFile } from "../download/download-file.js";
import { idxFileNames } from "./load-idx-folder.js";

/** MNIST and its drop-in relatives: 60 000 + 10 000 gray images of 28 × 28 in ten classes, in the same four files. */
export type MnistVariant = "mnist" | "fashion-mnist" | "kmnist";

/** Files, checksums and class names of one of the data sets. */
export interface MnistVariantSource {
  /** As messages call it: "Fashion-MNIST". */
  readonly title: string;
  /** Class `i`'s name, in words for captions. */
  readonly classNames: readonly string[];
  readonly files: readonly RemoteFile[];
  /** Web folders that hold the files, tried in this order. */
  readonly mirrors: readonly string[];
}

/** Class names, checksums and mirrors of each data set. */
export const mnistVariants: Readonly<Record<MnistVariant, MnistVariantSource>> = {
  /** LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/ */
  mnist: {
    title: "MNIST",
    classNames: digitWords,
    files: remoteFiles("content", {
      trainImages: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      trainLabels: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      testImages: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      testLabels: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }),
    mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
  },
  /** Xiao, Rasul and Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist (MIT license) */
  "fashion-mnist": {
    title: "Fashion-MNIST",
    classNames: ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
    files: remoteFiles("gzip", {
      trainImages: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
      trainLabels: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
      testImages: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
      testLabels: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }),
    mirrors: [
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ],
  },
  /** Clanuwat et al. 2018, http://codh.rois.ac.jp/kmnist/ (CC BY-SA 4.0); the classes are hiragana, in Latin letters. */
  kmnist: {
    title: "KMNIST",
    classNames: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    files: remoteFiles("gzip", {
      trainImages: "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
      trainLabels: "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
      testImages: "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
      testLabels: "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    }),
    mirrors: ["https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
  },
};

function remoteFiles(
  sha256Of: "content" | "gzip",
  sums: Readonly<Record<keyof typeof idxFileNames, string>>,
): RemoteFile[] {
  const sizes = { trainImages: 47_040_016, trainLabels: 60_008, testImages: 7_840_016, testLabels: 10_008 };
  const parts = Object.keys(sizes) as (keyof typeof sizes)[];
  return parts.map((part) => ({
    name: `${idxFileNames[part]}.gz`,
    sha256: sums[part],
    sha256Of,
    size: sizes[part],
  }));
}
