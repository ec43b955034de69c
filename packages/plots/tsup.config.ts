import { packageBuild } from "../../tsup.base";

export default packageBuild(
  { index: "src/index.ts", node: "src/node.ts" },
  {
    esbuildOptions(options) {
      // rasterize.ts reads import.meta.url in the ESM build alone; see there.
      options.logOverride = { ...options.logOverride, "empty-import-meta": "silent" };
    },
  },
);
