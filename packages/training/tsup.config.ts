import { packageBuild } from "../../tsup.base";

export default packageBuild(
  { index: "src/index.ts", node: "src/node.ts" },
  // An ES module whose default export esbuild does not find when CommonJS requires it.
  { noExternal: ["pretty-ms"] },
);
