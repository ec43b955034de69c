export { isTemporaryOf, readFileBytes, writeFileAtomic } from "./atomic-files.js";
