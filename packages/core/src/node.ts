export { isTemporaryOf, readFileBytes, writeFileAtomic } from "./files/atomic-files.js";
