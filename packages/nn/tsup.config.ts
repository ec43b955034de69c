import { defineConfig, type Options } from "tsup";
import { packageBuild } from "../../tsup.base";

// The two builds run at once into one folder, which the build script empties before: either would remove what the other wrote.
const index = packageBuild(
  { index: "src/index.ts", layers: "src/layers.ts" },
  { external: ["@mmgen/nn/gradients"], clean: false },
);

// tfjs-core's gradients cannot be imported by plain Node (extensionless ESM), so this one file carries them. Kernels,
// gradients and engine live on globalThis, so the bundled copy registers with the one engine there is. It is a build
// of its own, and `index` imports it by its public name: a shared chunk would not be listed in `sideEffects`.
const gradients = packageBuild(
  { gradients: "src/gradients.ts" },
  { noExternal: [/register_all_gradients/], clean: false, minify: true, sourcemap: false },
);

export default defineConfig([index, gradients] as Options[]);
