export { readFileBytes, writeFileAtomic } from "./atomic-files.js";
