import { runBundled } from "../bundle.mjs";

await runBundled(new URL("memory.ts", import.meta.url), [], ["--expose-gc"]);
