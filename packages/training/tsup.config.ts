import { packageBuild } from "../../tsup.base";

export default packageBuild(
  { index: "src/index.ts", node: "src/node.ts" },
  // It is published as ES modules alone, which CommonJS programs load with a warning, if at all.
  { noExternal: ["pretty-ms"] },
);
