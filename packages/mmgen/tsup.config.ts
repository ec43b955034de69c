import { packageBuild } from "../../tsup.base";

// The command line is no import: it has no types.
const entries = { index: "src/index.ts", node: "src/node.ts" };
export default packageBuild({ ...entries, cli: "src/cli.ts" }, { dts: { entry: entries } });
