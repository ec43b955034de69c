import { fileURLToPath } from "node:url";

/** This example's folder. */
export const exampleFolder = fileURLToPath(new URL("..", import.meta.url));
