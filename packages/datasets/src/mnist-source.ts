import { idxFileNames } from "./idx-files.js";

/** A file that can be had from several places and is known by its content. */
export interface RemoteFile {
  /** Name at the mirrors and in the cache. */
  readonly name: string;
  /** SHA-256 of the decompressed content: the same however a mirror compresses it. */
  readonly sha256: string;
  /** Size of the decompressed content, in bytes. */
  readonly size: number;
}

/** MNIST's four files. */
export const mnistFiles: readonly RemoteFile[] = [
  {
    name: `${idxFileNames.trainImages}.gz`,
    sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    size: 47_040_016,
  },
  {
    name: `${idxFileNames.trainLabels}.gz`,
    sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    size: 60_008,
  },
  {
    name: `${idxFileNames.testImages}.gz`,
    sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    size: 7_840_016,
  },
  {
    name: `${idxFileNames.testLabels}.gz`,
    sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    size: 10_008,
  },
];

/** Folders on the web that hold {@link mnistFiles}, tried in this order. */
export const mnistMirrors: readonly string[] = [
  "https://ossci-datasets.s3.amazonaws.com/mnist/",
  "https://storage.googleapis.com/cvdf-datasets/mnist/",
];
