import { createRequire } from "node:module";

/** The version of this package. */
export function packageVersion(): string {
  // By its own name: the path differs between the sources and what is built of them.
  const require = createRequire(import.meta.url);
  return (require("mmgen/package.json") as { readonly version: string }).version;
}
