// `node bench/run.mjs [--expose-gc] NAME [arguments]`: runs bench/NAME, a .ts or .mjs file, on the packages' sources.
// The `bench:*` scripts of package.json name them.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runBundled } from "../scripts/bundle.mjs";

const [first, ...rest] = process.argv.slice(2);
const [flags, name, args] = first === "--expose-gc" ? [[first], rest[0], rest.slice(1)] : [[], first, rest];
const script = [".ts", ".mjs"].map((ending) => new URL(`${name}${ending}`, import.meta.url)).find(exists);
if (script === undefined) {
  throw new Error(`Expected the name of a script in bench/, such as speed/growth, got "${name}".`);
}
await runBundled(script, args, flags);

function exists(url) {
  return existsSync(fileURLToPath(url));
}
