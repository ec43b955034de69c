// `npm run bench:quantizers` and `npm run bench:ablation`: runs bench/vqvae/<name>.ts with the arguments that follow.
import { runBundled } from "../../packages/backend-onnx/bundle.mjs";

const [name, ...rest] = process.argv.slice(2);
await runBundled(new URL(`${name}.ts`, import.meta.url), rest);
