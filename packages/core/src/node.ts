export { isTemporaryOf, writeFileAtomic } from "./files/atomic-files.js";
export { cacheFolder } from "./files/cache-folder.js";
export { type GunzipOptions, gunzip, gunzipStart, isGzip } from "./files/gunzip.js";
export { makeFolder } from "./files/make-folder.js";
export {
  type BoundedFile,
  type FileSignature,
  type ReadFileOptions,
  readFileBytes,
  readFileText,
  withBoundedFile,
} from "./files/read-file.js";
export { lockFolder, type RunLock } from "./files/run-lock.js";
