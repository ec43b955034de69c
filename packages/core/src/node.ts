export { isTemporaryOf, readFileBytes, writeFileAtomic } from "./files/atomic-files.js";
export { lockFolder, type RunLock } from "./files/run-lock.js";
