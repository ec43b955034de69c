import { runBundled } from "../bundle.mjs";

await runBundled(new URL("growth.ts", import.meta.url), process.argv.slice(2));
